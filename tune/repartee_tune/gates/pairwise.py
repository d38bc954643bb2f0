"""Gate 5: judged side by side with the champion, in both orders, the candidate is better.

The decision is that of `repartee_eval` (docs/decisions.md), with the candidate as its B: ship passes, hold
and reject fail, and what is not known there is not known here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from repartee_eval.analysis import AnalysisOptions, analyse
from repartee_eval.analysis.results import WinRate
from repartee_eval.decision import Decision as Verdict
from repartee_eval.decision import Outcome, decide
from repartee_eval.run_result import RunResult
from repartee_eval.verdict_rows import VerdictRow
from repartee_tune.errors import TuneError
from repartee_tune.gates.length import lengths_of_verdicts
from repartee_tune.gates.policy import PairwisePolicy
from repartee_tune.gates.result import Decision, GateResult

GATE: Final = "pairwise"
_DECISIONS: Final[Mapping[Outcome, Decision]] = {
    "ship": "pass",
    "hold": "fail",
    "reject": "fail",
    "inconclusive": "inconclusive",
}


def check_pairwise(
    rows: Sequence[VerdictRow],
    candidate: str,
    champion: str,
    policy: PairwisePolicy,
    inputs: dict[str, str],
    seed: int = 0,
) -> GateResult:
    """Decide on verdict rows that somebody else made. They hold no floor checks, so none is decided on.

    Rows of other pairs of models are left out. Raises TuneError where none is of these two.
    """
    ours = list(oriented(rows, candidate, champion))
    if not ours:
        raise TuneError(
            f"no verdict compares {candidate!r} with {champion!r}: give --candidate-name and --champion-name"
        )
    rule = policy.rule
    analysis = analyse(ours, (), AnalysisOptions(margin=rule.margin, level=rule.level, seed=seed))
    verdict = decide(analysis, rule, champion, candidate, longer=_longer(ours))
    return _result(verdict, analysis.win_rates, ours, policy, inputs, {})


def check_judged(result: RunResult, policy: PairwisePolicy, inputs: dict[str, str]) -> GateResult:
    """Decide on a run that the gate made itself: its decision, floor checks and missing replies included."""
    about = {
        "run": result.folder.name,
        "judges": [judge.id for judge in result.manifest.judges],
        "language_model": result.judged_by_language_model,
        "replies": result.derived.replies,
        "unanswered": result.derived.unanswered,
        "unjudged_cases": result.unjudged_cases,
        "dollars": result.spending.money,
        "calls": result.spending.calls,
        "stopped_early": result.stopped_early,
    }
    return _result(result.decision, result.win_rates, result.rows, policy, inputs, about)


def oriented(rows: Iterable[VerdictRow], candidate: str, champion: str) -> Iterable[VerdictRow]:
    """Return the rows about these two models, with the candidate as B."""
    for row in rows:
        if (row.model_a, row.model_b) == (champion, candidate):
            yield row
        elif (row.model_a, row.model_b) == (candidate, champion):
            yield _swapped(row)


def both_orders(rows: Iterable[VerdictRow]) -> float:
    """Return the share of what was judged (an item on a criterion) that has a verdict in each order."""
    orders: dict[tuple[str, str], set[str | None]] = {}
    for row in rows:
        if row.verdict in {"a", "b", "tie"}:
            orders.setdefault((row.item, row.criterion), set()).add(row.first)
    return sum({"a", "b"} <= found for found in orders.values()) / len(orders) if orders else 0.0


def _result(
    verdict: Verdict,
    win_rates: Sequence[WinRate],
    rows: Sequence[VerdictRow],
    policy: PairwisePolicy,
    inputs: dict[str, str],
    about: dict[str, Any],
) -> GateResult:
    rates = {rate.criterion: rate for rate in win_rates}
    ruled = [rates[name] for name in policy.rule.criteria if name in rates]
    both = both_orders(row for row in rows if row.criterion in policy.rule.criteria)
    breached = _breached(rates, policy)
    decision, reason = _decided(verdict, rates, both, breached, policy)
    worst = min(ruled, key=lambda rate: -1.0 if rate.win_rate_b is None else rate.win_rate_b, default=None)
    return GateResult(
        GATE,
        decision,
        reason,
        min((rate.items for rate in ruled), default=0),
        worst.win_rate_b if worst else None,
        worst.interval if worst else None,
        f"better on {policy.rule.superior_on_at_least} of {len(policy.rule.criteria)} criteria, "
        f"none below {0.5 - policy.rule.margin:.2f}",
        f"the lowest win rate, {worst.method}, two-sided {worst.level:.0%}" if worst else "",
        floor=bool(breached) or verdict.outcome == "reject",
        numbers={
            "criteria": {rate.criterion: _numbers(rate) for rate in ruled},
            "in_both_orders": both,
            "floors": {name: rates[name].win_rate_b if name in rates else None for name in policy.floors},
            "lines": [
                f"{line.rule}: {line.subject}: {line.passed}" for line in verdict.lines if not line.passed
            ],
            **about,
        },
        inputs=inputs,
    )


def _breached(rates: Mapping[str, WinRate], policy: PairwisePolicy) -> list[str]:
    return [
        f"{criterion} {rate.win_rate_b:.2f} < {least}"
        for criterion, least in policy.floors.items()
        if (rate := rates.get(criterion)) and rate.win_rate_b is not None
        if rate.interval is not None and rate.interval[1] < least
    ]


def _decided(
    verdict: Verdict,
    rates: Mapping[str, WinRate],
    both: float,
    breached: Sequence[str],
    policy: PairwisePolicy,
) -> tuple[Decision, str]:
    """Return the rule's decision, with what is asked beyond the rule: floors by win rate, both orders."""
    decision, reason = _DECISIONS[verdict.outcome], f"{verdict.reason} (B is the candidate)"
    if breached:
        return "fail", breached[0]
    if decision != "pass":
        return decision, reason
    if both < policy.least_both_orders:
        return "inconclusive", f"only {both:.0%} of the items were judged in both orders"
    if missing := [name for name in policy.floors if name not in rates]:
        return "inconclusive", f"nothing was judged on the floor {missing[0]!r}"
    return decision, reason


def _numbers(rate: WinRate) -> dict[str, Any]:
    return {
        "win_rate": rate.win_rate_b,
        "interval": rate.interval,
        "wins": rate.wins_b,
        "losses": rate.wins_a,
        "ties": rate.ties,
        "flips": rate.flips,
        "failed": rate.failed,
        "items": rate.items,
        "clusters": rate.clusters,
    }


def _longer(rows: Sequence[VerdictRow]) -> float | None:
    """Return how much longer the candidate writes, as a share of the champion's length."""
    pairs = lengths_of_verdicts(rows)
    total = sum(pair.champion for pair in pairs)
    return sum(pair.candidate for pair in pairs) / total - 1 if total else None


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
