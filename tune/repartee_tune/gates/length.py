"""Gate 6: replies are about as long as the champion's. Preference training drifts towards long ones."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from repartee_eval.statistics.intervals import METHOD, Part, ratio_interval
from repartee_eval.verdict_rows import VerdictRow
from repartee_tune.gates.golden import PairedScore
from repartee_tune.gates.policy import LengthPolicy
from repartee_tune.gates.result import Decision, GateResult

GATE: Final = "length"


@dataclass(frozen=True, slots=True)
class PairedLength:
    """How long both replies to one prompt are, in characters."""

    item: str
    cluster: str
    candidate: int
    champion: int


def lengths_of_verdicts(rows: Iterable[VerdictRow]) -> list[PairedLength]:
    """Return one pair of lengths per item, from rows in which the candidate is B."""
    known = {
        row.item: PairedLength(row.item, row.cluster, row.len_b, row.len_a)
        for row in rows
        if row.len_a is not None and row.len_b is not None
    }
    return list(known.values())


def lengths_of_scores(scores: Iterable[PairedScore]) -> list[PairedLength]:
    """Return the lengths that golden replies had."""
    return [
        PairedLength(score.item, score.cluster or score.item, score.candidate_length, score.champion_length)
        for score in scores
        if score.candidate_length is not None and score.champion_length is not None
    ]


def check_length(
    lengths: Sequence[PairedLength], policy: LengthPolicy, seed: int, inputs: dict[str, str]
) -> GateResult:
    """Pass where the interval of the ratio of mean lengths lies within 1 ± tolerance; fail where it lies
    outside.
    """
    clusters: dict[str, list[Part]] = defaultdict(list)
    for one in lengths:
        clusters[one.cluster].append((float(one.candidate), float(one.champion)))
    found = ratio_interval(list(clusters.values()), seed=seed, resamples=policy.resamples, level=policy.level)
    low, high = found.low, found.high
    if found.unknown == "no variation":  # every pair has the same ratio: there is nothing to resample
        low = high = found.value
    decision, reason = _decided(found.value, low, high, found.n, found.clusters, policy)
    return GateResult(
        GATE,
        decision,
        reason,
        found.n,
        found.value,
        (low, high),
        f"within {1 - policy.tolerance:.2f} and {1 + policy.tolerance:.2f}",
        f"ratio of mean lengths; {METHOD}; {policy.resamples} resamples, seed {seed}, {policy.level:.0%}",
        numbers={"clusters": found.clusters, "unknown": found.unknown},
        inputs=inputs,
    )


def _decided(
    value: float | None, low: float | None, high: float | None, n: int, clusters: int, policy: LengthPolicy
) -> tuple[Decision, str]:
    least, most = 1 - policy.tolerance, 1 + policy.tolerance
    if value is None or low is None or high is None:
        return (
            "inconclusive",
            "no lengths of both models' replies: give verdicts with lengths, or golden items",
        )
    if high < least or low > most:
        return "fail", f"replies are {value:.2f} times as long as the champion's"
    if n < policy.least or clusters < policy.least_clusters:
        return (
            "inconclusive",
            f"{n} pairs in {clusters} clusters; {policy.least} in {policy.least_clusters} are needed",
        )
    if low < least or high > most:
        return "inconclusive", f"the interval {low:.2f} to {high:.2f} leaves the limits: add pairs"
    return "pass", f"replies are {value:.2f} times as long as the champion's"
