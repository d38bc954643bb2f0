"""Scores of replies, dialogues or summaries put together: means, a floor, and what passes a minimum."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from repartee_eval.dialogues.fingerprints import user_hash
from repartee_eval.single_sides import OVERALL, Kind, ScoredReply
from repartee_eval.statistics.clustered_means import clustered_mean
from repartee_eval.statistics.estimate import Estimate

Outcome = Literal["pass", "reject", "inconclusive"]
EXIT_CODES: Final[Mapping[Outcome, int]] = {"pass": 0, "reject": 20, "inconclusive": 30}


@dataclass(frozen=True, slots=True)
class JudgeScores:
    """What one judge gave. `means` are by dimension, `overall` among them; clusters are dialogues."""

    judge: str
    is_language_model: bool
    scored: tuple[ScoredReply, ...]
    means: Mapping[str, Estimate]
    kept: int
    failures: Mapping[str, int]

    @property
    def share_failed(self) -> float:
        """Of all that was to be scored."""
        return sum(self.failures.values()) / len(self.scored) if self.scored else 0.0


@dataclass(frozen=True, slots=True)
class AbsoluteScores:
    """What a run of `score` found. `minimum`: overall from which one is kept; `least`: the mean's floor."""

    kind: Kind
    judges: tuple[JudgeScores, ...]
    minimum: float
    least: float | None
    outcome: Outcome
    reason: str


def judge_scores(
    judge: str,
    is_language_model: bool,
    scored: Sequence[ScoredReply],
    dimensions: Sequence[str],
    minimum: float,
    level: float = 0.95,
) -> JudgeScores:
    """Return one judge's means with cluster-robust intervals, and how many reach the minimum."""
    failures: dict[str, int] = {}
    for one in scored:
        if one.failure:
            failures[one.failure] = failures.get(one.failure, 0) + 1
    overall = [(one.overall, one.subject.cluster) for one in scored]
    values = {OVERALL: [(value, cluster) for value, cluster in overall if value is not None]}
    for name in dimensions:
        values[name] = [
            (reading.score, one.subject.cluster)
            for one in scored
            for reading in one.scores
            if reading.dimension == name
        ]
    means = {
        name: clustered_mean([value for value, _ in each], [cluster for _, cluster in each], level=level)
        for name, each in values.items()
    }
    kept = sum(value is not None and value >= minimum for value, _ in overall)
    return JudgeScores(judge, is_language_model, tuple(scored), means, kept, failures)


def absolute_scores(
    kind: Kind,
    judges: Sequence[JudgeScores],
    *,
    minimum: float,
    least: float | None,
    most_failed: float,
    finished: bool,
) -> AbsoluteScores:
    """Return the scores with what follows: reject where a judge's mean is below `least` for certain."""
    outcome, reason = _outcome(judges, least, most_failed, finished)
    return AbsoluteScores(kind, tuple(judges), minimum, least, outcome, reason)


def score_lines(found: AbsoluteScores) -> Iterator[dict[str, Any]]:
    """Yield one line of scores.jsonl per judge and subject with scores."""
    for judge in found.judges:
        for one in judge.scored:
            if one.overall is not None:
                yield _line(found, judge.judge, one, one.overall)


def _line(found: AbsoluteScores, judge: str, one: ScoredReply, overall: float) -> dict[str, Any]:
    subject = one.subject
    line: dict[str, Any] = {
        "id": subject.side.reply_ids[0] if found.kind != "dialogue" else subject.cluster,
        "dialogue": subject.cluster,
        "character": subject.character_id,
        "user": user_hash(subject.user.id),
        "kind": found.kind,
        "model": subject.side.model,
    }
    if found.kind != "dialogue":
        asked = [message.text for message in subject.shared if message.role == "user"]
        if found.kind == "reply" and asked:
            line["input"] = asked[-1]
        elif found.kind == "summary":
            line["input"] = "\n".join(f"{message.role}: {message.text}" for message in subject.shared)
        line["output"] = subject.side.messages[0].text
    return line | {
        "scores": {reading.dimension: reading.score for reading in one.scores},
        "overall": overall,
        "explanations": {reading.dimension: reading.explanation for reading in one.scores},
        "judge": judge,
        "kept": overall >= found.minimum,
        "truncated": subject.side.truncated,
        "emulated": subject.side.emulated,
        "golden": subject.golden,
    }


def _outcome(
    judges: Sequence[JudgeScores], least: float | None, most_failed: float, finished: bool
) -> tuple[Outcome, str]:
    if least is not None and (below := [one.judge for one in judges if _is_below(one, least)]):
        return "reject", f"The mean is below {least:g} for certain by {', '.join(below)}."
    if not finished:
        return "inconclusive", "The budget ended the run before all was scored."
    if failing := [one.judge for one in judges if one.share_failed > most_failed]:
        return "inconclusive", f"Too many calls without scores of {', '.join(failing)}."
    if least is None:
        return "pass", "Scored; no floor was asked for (--least)."
    return "pass", f"The mean is not below {least:g} for certain."


def _is_below(judge: JudgeScores, least: float) -> bool:
    interval = judge.means[OVERALL].interval
    return interval is not None and interval[1] < least
