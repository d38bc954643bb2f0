"""Win rates of the parts of a run: by character, by depth, by scenario."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from repartee_eval.analysis.columns import columns
from repartee_eval.analysis.options import AnalysisOptions
from repartee_eval.analysis.results import WinRate
from repartee_eval.analysis.win_rates import judged_items, win_rates
from repartee_eval.verdict_rows import VerdictRow

Part = Literal["character", "scenario", "depth"]


def win_rates_by(
    part: Part, rows: Sequence[VerdictRow], options: AnalysisOptions | None = None
) -> dict[str, tuple[WinRate, ...]]:
    """Return the win rates of each value of the part, sorted by it; rows that have none are left out.

    The parts are a description: their p values are adjusted within a part only, so that nobody should ship
    because of one of them. Lengths are not controlled for.
    """
    chosen = options or AnalysisOptions()
    parts: dict[str, list[VerdictRow]] = {}
    for row in rows:
        if row.model_a != row.model_b and getattr(row, part):
            parts.setdefault(getattr(row, part), []).append(replace(row, len_a=None, len_b=None))
    found = ((name, columns(parts[name], chosen)) for name in sorted(parts))
    return {name: win_rates(one, judged_items(one, chosen), chosen) for name, one in found}
