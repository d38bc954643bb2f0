"""From verdict rows about one case to the side that won, and how sure that is."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from repartee_eval.verdict_rows import VerdictRow

Reason = Literal["", "not_judged", "judge_failed", "one_order_only", "tie_or_flip", "below_margin"]
_P_OF: Final = {"a": 0.0, "tie": 0.5, "b": 1.0}


@dataclass(frozen=True, slots=True)
class Agreement:
    """Who won. `p` is the mean probability that the winner is better, `margin` the same from 0 to 1.

    `reason` says why there is no winner. `judges`, `criteria` and `orders` are those that were counted.
    """

    winner: Literal["a", "b"] | None = None
    p: float = 0.5
    reason: Reason = ""
    judges: tuple[str, ...] = ()
    criteria: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()

    @property
    def margin(self) -> float:
        """0 for a toss-up, 1 where all agree."""
        return round(2 * self.p - 1, 6)


def agreement(rows: Sequence[VerdictRow], least: float) -> Agreement:
    """Return the winner of a case, whose mean probability over judges and criteria is `least` or more.

    A criterion counts where it was judged in both orders. A win that does not survive the swap of the sides
    counts as a tie, 0.5. More failed than judged units, or one order alone, are no evidence.
    """
    units: dict[tuple[str, str, int], list[VerdictRow]] = defaultdict(list)
    for row in rows:
        if row.verdict != "not_applicable":
            units[row.judge, row.criterion, row.replicate].append(row)
    failed = [unit for unit in units.values() if any(row.verdict == "failed" for row in unit)]
    whole = [unit for unit in units.values() if unit not in failed and _both_orders(unit)]
    if not units:
        return Agreement(reason="not_judged")
    if len(failed) > len(units) / 2:
        return Agreement(reason="judge_failed")
    if not whole:
        return Agreement(reason="one_order_only")
    if all(_p_b(unit) == 0.5 for unit in whole):
        return Agreement(reason="tie_or_flip")
    p_b = sum(_p_b(unit) for unit in whole) / len(whole)
    p = max(p_b, 1 - p_b)
    if p < least:
        return Agreement(p=p, reason="below_margin")
    counted = [row for unit in whole for row in unit]
    return Agreement(
        winner="b" if p_b > 0.5 else "a",
        p=p,
        judges=_names(row.judge for row in counted),
        criteria=_names(row.criterion for row in counted),
        orders=_names("ab" if row.first == "a" else "ba" for row in counted),
    )


def _both_orders(unit: Iterable[VerdictRow]) -> bool:
    return {row.first for row in unit} >= {"a", "b"}


def _p_b(unit: Sequence[VerdictRow]) -> float:
    """Return P(B is better): that of the judge where it gave one, and 0.5 where the orders disagree."""
    verdicts = {row.verdict for row in unit}
    if len(verdicts) > 1 or verdicts == {"tie"}:
        return 0.5
    return sum(_P_OF[row.verdict] if row.p_b is None else row.p_b for row in unit) / len(unit)


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
