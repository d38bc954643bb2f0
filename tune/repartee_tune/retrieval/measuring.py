"""An embedder before and after tuning, on users that nothing was trained on: paired, with intervals.

Everything is asked of the service's own adapters, so what is measured is what will be served.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from repartee.application.ports import EmbedderProfile
from repartee_eval.retrieval import (
    Measure,
    Resampling,
    ScoredMessage,
    groups,
    of_split,
    of_user,
    ranking_measures,
    score_messages,
    thresholded_measures,
)
from repartee_eval.retrieval_data import LabelledUser
from repartee_eval.statistics.intervals import Interval, Part, difference_interval, ratio_interval
from repartee_eval.statistics.ranking import ndcg
from repartee_eval.sweep import Goal, choose, curve
from repartee_eval.wiring import open_embedder

LIMIT: Final = 3
GOAL: Final = Goal("fpr", 0.125)
EncoderKind = Literal["local", "folder"]


@dataclass(frozen=True)
class Change:
    """One measure before and after, and the paired difference."""

    before: Interval
    after: Interval
    difference: Interval


@dataclass(frozen=True)
class MeasuredChange:
    """The measures of one language and split by name; thresholds are each side's own, chosen on `tune`."""

    language: str
    split: str
    users: tuple[str, ...]
    messages: int
    thresholds: tuple[float | None, float | None]
    measures: dict[str, Change]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


@dataclass(frozen=True)
class Scored:
    """What one embedder made of all messages."""

    profile: EmbedderProfile
    messages: Sequence[ScoredMessage]


async def scored_by(folder: Path, kind: EncoderKind, users: Sequence[LabelledUser]) -> Scored:
    """Score every message that stands alone with the encoder in a folder. Raises ConfigurationError."""
    async with open_embedder(folder, kind) as embedder:
        return Scored(embedder.profile, await score_messages(embedder, users))


def compare_scored(
    before: Sequence[ScoredMessage], after: Sequence[ScoredMessage], resampling: Resampling
) -> list[MeasuredChange]:
    """Compare per language: tune, test, and both together where it has both."""
    found = {(one.user, one.message): one for one in after}
    rows = []
    for split, group in groups(before):
        language = group[0].language
        pairs = {
            name: [(one, found[one.user, one.message]) for one in said]
            for name, said in of_user(group).items()
        }
        thresholds = (
            _threshold(one for one in before if one.language == language),
            _threshold(one for one in after if one.language == language),
        )
        measures = {
            name: _change(list(pairs.values()), first, second, resampling)
            for name, (first, second) in _measures(thresholds).items()
        }
        rows.append(MeasuredChange(language, split, tuple(pairs), len(group), thresholds, measures))
    return rows


def golden_scores(before: Iterable[ScoredMessage], after: Iterable[ScoredMessage]) -> list[dict[str, Any]]:
    """Return nDCG@3 per message and user as the `golden` gate reads it (`--golden-scores`)."""
    found = {(one.user, one.message): one for one in after}
    rows = []
    for one in before:
        champion, candidate = (ndcg(side.grades, LIMIT) for side in (one, found[one.user, one.message]))
        if champion is not None and candidate is not None:
            item = {"item": f"{one.user}/{one.message}", "candidate": candidate, "champion": champion}
            rows.append({**item, "cluster": one.user})
    return rows


def _threshold(messages: Iterable[ScoredMessage]) -> float | None:
    tune = of_split(messages, "tune")
    return choose(curve(tune, LIMIT), GOAL) if tune else None


def _measures(thresholds: tuple[float | None, float | None]) -> dict[str, tuple[Measure, Measure]]:
    paired = {name: (measure, measure) for name, measure in ranking_measures(LIMIT).items()}
    if thresholds[0] is None or thresholds[1] is None:
        return paired
    first, second = (thresholded_measures(LIMIT, threshold) for threshold in thresholds)
    return {**paired, **{name: (first[name], second[name]) for name in first}}


def _change(
    clusters: Sequence[Sequence[tuple[ScoredMessage, ScoredMessage]]],
    first: Measure,
    second: Measure,
    resampling: Resampling,
) -> Change:
    parts: list[list[tuple[Part, Part]]] = [
        [(first(before), second(after)) for before, after in said] for said in clusters
    ]
    how = asdict(resampling)
    before, after = ([[pair[side] for pair in said] for said in parts] for side in (0, 1))
    return Change(
        ratio_interval(before, **how), ratio_interval(after, **how), difference_interval(parts, **how)
    )
