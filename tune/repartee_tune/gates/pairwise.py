"""Gate 5: judged side by side with the champion, in both orders, the candidate does not lose."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from repartee_eval.analysis import AnalysisOptions, analyse
from repartee_eval.analysis.results import WinRate
from repartee_eval.verdict_rows import VerdictRow
from repartee_tune.errors import TuneError
from repartee_tune.gates.policy import PairwisePolicy
from repartee_tune.gates.result import Decision, GateResult

GATE: Final = "pairwise"
PairwiseJudge = Callable[[], Sequence[VerdictRow]]
"""Whatever has both models judged: it returns verdict rows of `repartee_eval`, in both orders."""


def check_pairwise(
    rows: Sequence[VerdictRow], candidate: str, champion: str, policy: PairwisePolicy, inputs: dict[str, str]
) -> GateResult:
    """Decide by the interval of the win rate on the policy's criterion, and by its floors on others.

    Rows of other pairs of models are left out. Raises TuneError where none is of these two.
    """
    ours = list(oriented(rows, candidate, champion))
    if not ours:
        raise TuneError(
            f"no verdict compares {candidate!r} with {champion!r}: give --candidate-name and --champion-name"
        )
    found = {
        rate.criterion: rate for rate in analyse(ours, (), AnalysisOptions(level=policy.level)).win_rates
    }
    breached = [
        f"{criterion} {rate.win_rate_b:.2f} < {least}"
        for criterion, least in policy.floors.items()
        if (rate := found.get(criterion)) and rate.win_rate_b is not None
        if rate.interval is not None and rate.interval[1] < least
    ]
    rate = found.get(policy.criterion)
    if rate is None or rate.win_rate_b is None or rate.interval is None:
        return GateResult(GATE, "inconclusive", f"nothing was judged on {policy.criterion!r}", inputs=inputs)
    both = both_orders(row for row in ours if row.criterion == policy.criterion)
    decision, reason = ("fail", breached[0]) if breached else _decided(rate, both, found, policy)
    least = policy.least_rate if policy.require == "non_inferior" else 0.5
    return GateResult(
        GATE,
        decision,  # type: ignore[arg-type]
        reason,
        rate.items,
        rate.win_rate_b,
        rate.interval,
        f"lower bound {'>=' if policy.require == 'non_inferior' else '>'} {least}",
        f"{rate.method}, two-sided {rate.level:.0%}",
        floor=bool(breached),
        numbers={
            "wins": rate.wins_b,
            "losses": rate.wins_a,
            "ties": rate.ties,
            "flips": rate.flips,
            "failed": rate.failed,
            "clusters": rate.clusters,
            "in_both_orders": both,
            "floors": {name: found[name].win_rate_b if name in found else None for name in policy.floors},
        },
        inputs=inputs,
    )


def oriented(rows: Iterable[VerdictRow], candidate: str, champion: str) -> Iterable[VerdictRow]:
    """Return the rows about these two models, with the candidate as B."""
    for row in rows:
        if (row.model_a, row.model_b) == (champion, candidate):
            yield row
        elif (row.model_a, row.model_b) == (candidate, champion):
            yield _swapped(row)


def both_orders(rows: Iterable[VerdictRow]) -> float:
    """Return the share of judged items that have a verdict in each order."""
    orders: dict[str, set[str | None]] = {}
    for row in rows:
        if row.verdict in {"a", "b", "tie"}:
            orders.setdefault(row.item, set()).add(row.first)
    return sum({"a", "b"} <= found for found in orders.values()) / len(orders) if orders else 0.0


def _decided(
    rate: WinRate, both: float, found: dict[str, WinRate], policy: PairwisePolicy
) -> tuple[Decision, str]:
    low, high = rate.interval or (0.0, 1.0)
    calls = rate.rows.verdicts + rate.failed
    if high < policy.least_rate:
        return "fail", f"the candidate wins {rate.win_rate_b:.3f}, surely below {policy.least_rate}"
    if rate.items < policy.least or rate.clusters < policy.least_clusters:
        needed = f"{policy.least} in {policy.least_clusters}"
        return "inconclusive", f"{rate.items} items in {rate.clusters} clusters; {needed} are needed"
    if both < policy.least_both_orders:
        return "inconclusive", f"only {both:.0%} of the items were judged in both orders"
    if rate.failed > policy.most_failed * calls:
        return "inconclusive", f"{rate.failed} of {calls} calls failed"
    if missing := [name for name in policy.floors if name not in found]:
        return "inconclusive", f"nothing was judged on the floor {missing[0]!r}"
    wanted = low >= policy.least_rate if policy.require == "non_inferior" else low > 0.5
    if not wanted:
        return "inconclusive", f"the interval starts at {low:.3f}: judge more prompts, or keep the champion"
    return "pass", f"the candidate wins {rate.win_rate_b:.3f}"


def _swapped(row: VerdictRow) -> VerdictRow:
    other = {"a": "b", "b": "a"}
    return replace(
        row,
        model_a=row.model_b,
        model_b=row.model_a,
        first=other[row.first] if row.first else None,  # type: ignore[arg-type]
        verdict=other.get(row.verdict, row.verdict),  # type: ignore[arg-type]
        p_b=None if row.p_b is None else 1 - row.p_b,
        len_a=row.len_b,
        len_b=row.len_a,
    )
