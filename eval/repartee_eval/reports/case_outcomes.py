"""What came of each case on each criterion, counted as the win rates count."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from repartee_eval.analysis.columns import columns
from repartee_eval.analysis.win_rates import judged_items
from repartee_eval.run_result import RunResult

CaseOutcome = Literal["a", "b", "tie", "flip", "failed", "not_applicable"]
_OF_CODE: Final[tuple[CaseOutcome, ...]] = ("a", "b", "tie", "flip")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One case. `outcomes` by criterion; `flags` are those that side B raised, `severe` some of them."""

    case: str
    cluster: str
    character: str
    scenario: str
    depth: str
    outcomes: Mapping[str, CaseOutcome]
    flags: tuple[str, ...]
    severe: tuple[str, ...]


def case_outcomes(result: RunResult) -> tuple[Outcomes, ...]:
    """Return the outcomes of every case that has any row, in the run's order."""
    reached = _reached(result)
    flags = _flags_of_b(result)
    return tuple(
        Outcomes(
            case=case.id,
            cluster=case.cluster,
            character=case.character_id,
            scenario=case.scenario_id or "",
            depth=case.depth or "",
            outcomes=reached[case.id],
            flags=tuple(name for name, _ in flags[case.id]),
            severe=tuple(name for name, level in flags[case.id] if level == "severe"),
        )
        for case in result.cases.values()
        if case.id in reached
    )


def _reached(result: RunResult) -> dict[str, dict[str, CaseOutcome]]:
    found: dict[str, dict[str, CaseOutcome]] = defaultdict(dict)
    for row in result.rows:  # rows without a verdict first: an outcome takes their place
        if row.verdict == "failed" or found[row.item].get(row.criterion) != "failed":
            found[row.item][row.criterion] = "failed" if row.verdict == "failed" else "not_applicable"
    table = columns(result.rows, result.analysis.options)
    judged = judged_items(table, result.analysis.options).by_unit
    for unit, outcome in zip(judged.key.tolist(), judged.outcome.tolist(), strict=True):
        criterion = table.criteria[table.group_criterion[table.unit_group[unit]]]
        found[table.items[table.unit_item[unit]]][criterion] = _OF_CODE[outcome]
    return found


def _flags_of_b(result: RunResult) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for one in result.derived.flagged:
        if one.side == "b":
            found[one.case] += [
                (reading.flag, reading.level) for reading in one.readings or () if reading.raised
            ]
    return found
