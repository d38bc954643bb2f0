"""Several judges as one, and one judge with itself: pure functions over verdict rows."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final, Literal

from repartee_eval.errors import EvalError
from repartee_eval.verdict_rows import Failure, Verdict, VerdictRow

Rule = Literal["majority", "mean_p"]
_VALUE: Final = {"a": 0.0, "tie": 0.5, "b": 1.0}
_Key = tuple[str, str, str | None, int]


@dataclass(frozen=True, slots=True)
class JuryVerdict:
    """The jury's row, and how the judges voted. `agreement`: share of pairs of judges with the same vote.

    None where fewer than two judges gave a verdict.
    """

    row: VerdictRow
    votes: tuple[tuple[str, Verdict], ...]
    agreement: float | None


@dataclass(frozen=True, slots=True)
class Consistency:
    """How often one judge repeats itself. `groups`: questions asked more than once; None without any.

    `agreement`: share of pairs of repeats with the same verdict, the mean over groups.
    """

    judge: str
    groups: int
    agreement: float | None


def jury(
    rows: Iterable[VerdictRow], rule: Rule = "majority", *, quorum: int = 2, tie_band: float = 0.1
) -> tuple[JuryVerdict, ...]:
    """Return the verdict of all judges together for each item, criterion, order and replicate.

    `majority`: the verdict with most votes; a draw between verdicts is a tie. `mean_p`: the mean probability
    of B (a verdict without one counts 0, ½ or 1), a tie within `tie_band` of ½. Failed and not-applicable
    votes are left out; with fewer than `quorum` others the jury's row is failed (by the reason of most), or
    not applicable where most said so. The reason lists the votes, cost is summed, latency is the slowest
    judge's. Raises EvalError where one judge voted twice on the same question.
    """
    groups: defaultdict[_Key, list[VerdictRow]] = defaultdict(list)
    for row in rows:
        groups[row.item, row.criterion, row.first, row.replicate].append(row)
    return tuple(_decided(group, rule, quorum, tie_band) for group in groups.values())


def consistency(rows: Iterable[VerdictRow]) -> tuple[Consistency, ...]:
    """Return for each judge how often repeats of the same question, in the same order, agree."""
    groups: defaultdict[tuple[str, str, str, str | None], list[Verdict]] = defaultdict(list)
    judges: dict[str, None] = {}
    for row in rows:
        judges[row.judge] = None
        if row.verdict != "failed":
            groups[row.judge, row.item, row.criterion, row.first].append(row.verdict)
    shares = defaultdict(list)
    for (judge, *_), verdicts in groups.items():
        if (share := agreement(verdicts)) is not None:
            shares[judge].append(share)
    return tuple(
        Consistency(judge, len(shares[judge]), _mean(shares[judge]) if shares[judge] else None)
        for judge in judges
    )


def agreement(verdicts: Sequence[Verdict]) -> float | None:
    """Return the share of pairs that are the same; None for fewer than two."""
    pairs = list(combinations(verdicts, 2))
    return sum(left == right for left, right in pairs) / len(pairs) if pairs else None


def _decided(group: list[VerdictRow], rule: Rule, quorum: int, tie_band: float) -> JuryVerdict:
    names = [row.judge for row in group]
    if len(set(names)) < len(names):
        raise EvalError(f"item {group[0].item}: a judge voted twice in one order and replicate")
    voters = [row for row in group if row.verdict in _VALUE]
    verdict, p_b = _together(voters, rule, tie_band) if len(voters) >= quorum else (_no_verdict(group), None)
    costs = [row.cost for row in group if row.cost is not None]
    latencies = [row.latency for row in group if row.latency is not None]
    row = replace(
        group[0],
        verdict=verdict,
        p_b=p_b,
        judge=f"jury({rule}): {' + '.join(sorted(names))}",
        failure=_failure(group) if verdict == "failed" else None,
        reason="; ".join(f"{member.judge}: {member.verdict}" for member in group),
        cost=sum(costs) if costs else None,
        latency=max(latencies, default=None),
    )
    return JuryVerdict(
        row,
        tuple((member.judge, member.verdict) for member in group),
        agreement([voter.verdict for voter in voters]),
    )


def _together(voters: list[VerdictRow], rule: Rule, tie_band: float) -> tuple[Verdict, float]:
    mean = _mean([row.p_b if row.p_b is not None else _VALUE[row.verdict] for row in voters])
    if rule == "mean_p":
        return ("tie" if abs(mean - 0.5) <= tie_band else "b" if mean > 0.5 else "a"), mean
    (most, votes), *others = Counter(row.verdict for row in voters).most_common()
    return ("tie" if others and others[0][1] == votes else most), mean


def _no_verdict(group: list[VerdictRow]) -> Verdict:
    broken = sum(row.verdict == "not_applicable" for row in group)
    return "not_applicable" if broken * 2 > len(group) else "failed"


def _failure(group: list[VerdictRow]) -> Failure:
    """Return what most judges failed by; `unparseable` where too few judges were asked."""
    reasons = Counter(row.failure for row in group if row.failure is not None)
    return reasons.most_common(1)[0][0] if reasons else "unparseable"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
