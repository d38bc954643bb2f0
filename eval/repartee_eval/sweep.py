"""Which threshold meets a stated goal: chosen on the tune split, reported on the test split."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

from repartee_eval.retrieval import (
    Measured,
    Resampling,
    ScoredMessage,
    measure,
    of_language,
    of_split,
    own_thresholds,
    thresholded_measures,
)
from repartee_eval.retrieval_data import SPLITS, LabelledUser, Split
from repartee_eval.statistics.intervals import ratio

THRESHOLDS: Final = tuple(round(step / 200, 3) for step in range(201))
"""What is tried: 0 to 1 in steps of 0.005. A finer grid would fit single messages."""

_SHARE: Final = r"(0?\.\d+|0|1|1\.0+)"
_GOAL: Final = re.compile(rf"(precision)\s*>=\s*{_SHARE}|(fpr)\s*<=\s*{_SHARE}(?:\s*@\s*([1-9]\d{{0,4}}))?")


class SweepError(Exception):
    """The data does not allow a sweep."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a threshold is chosen for.

    `max-f1`: the largest F1. `precision>=x` and `fpr<=x`: the largest recall among the thresholds within the
    bound. Of equal ones the highest threshold, which uses the fewest facts. `fpr<=x@n` bounds the FPR of a
    user with n `facts`, see `chance_of_any`.
    """

    kind: Literal["max-f1", "precision", "fpr"]
    bound: float = 0.0
    facts: int | None = None

    def __str__(self) -> str:
        if self.kind == "max-f1":
            return self.kind
        size = "" if self.facts is None else f"@{self.facts}"
        return f"{self.kind}{'>=' if self.kind == 'precision' else '<='}{self.bound:g}{size}"

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of facts for which this goal needs an FPR@n."""
        return () if self.facts is None else (self.facts,)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What one threshold gives. None: nothing was selected, or no message is without facts."""

    threshold: float
    precision: float | None
    recall: float | None
    f1: float | None
    fpr: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """Every threshold for one language and split; `own` are the embedder's own for these messages."""

    language: str
    split: Split
    points: tuple[CurvePoint, ...]
    own: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """The threshold for a goal, with what it gives on both splits; None where none meets the goal."""

    language: str
    goal: Goal
    threshold: float | None
    tune: Measured | None = None
    test: Measured | None = None


def parse_goal(text: str) -> Goal:
    """Read `max-f1`, `precision>=0.5`, `fpr<=0.1` or `fpr<=0.1@200`. Raises ValueError."""
    if text.strip() == "max-f1":
        return Goal("max-f1")
    match = _GOAL.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"{text!r} is none of max-f1, precision>=X, fpr<=X, fpr<=X@N, with X from 0 to 1 and N facts"
        )
    kind = cast(Literal["precision", "fpr"], match[1] or match[3])
    return Goal(kind, float(match[2] or match[4]), int(match[5]) if match[5] else None)


def curve(messages: Sequence[ScoredMessage], limit: int, facts: int | None = None) -> tuple[CurvePoint, ...]:
    """Return what every threshold gives on these messages; with `facts` the FPR of a user with so many."""
    return tuple(_point(messages, limit, threshold, facts) for threshold in THRESHOLDS)


def _point(messages: Sequence[ScoredMessage], limit: int, threshold: float, facts: int | None) -> CurvePoint:
    values = shares(messages, limit, threshold, () if facts is None else (facts,))
    fpr = values["FPR" if facts is None else f"FPR@{facts}"]
    return CurvePoint(threshold, values["precision"], values["recall"], values["F1"], fpr)


def shares(
    messages: Sequence[ScoredMessage], limit: int, threshold: float, sizes: Sequence[int] = ()
) -> dict[str, float | None]:
    """Return the measures of what would be used, by name, without intervals."""
    measures = thresholded_measures(limit, threshold, sizes)
    return {name: ratio([part(message) for message in messages]) for name, part in measures.items()}


def choose(points: Sequence[CurvePoint], goal: Goal) -> float | None:
    """Return the threshold that serves the goal best, or None where none meets it."""
    best = max(
        (point for point in points if _meets(point, goal)),
        key=lambda point: ((point.f1 if goal.kind == "max-f1" else point.recall) or 0.0, point.threshold),
        default=None,
    )
    return best.threshold if best else None


def _meets(point: CurvePoint, goal: Goal) -> bool:
    if goal.kind == "precision":
        return point.precision is not None and point.precision >= goal.bound
    if goal.kind == "fpr":
        return point.fpr is not None and point.fpr <= goal.bound
    return True


def curves(messages: Sequence[ScoredMessage], limit: int) -> list[Curve]:
    """Return the curve of every language and split that has messages."""
    return [
        Curve(language, split, curve(chosen, limit), tuple(sorted(set(own_thresholds(chosen).values()))))
        for language, said in of_language(messages).items()
        for split in SPLITS
        if (chosen := of_split(said, split))
    ]


def require_both_splits(messages: Iterable[ScoredMessage | LabelledUser]) -> None:
    """Raise SweepError where a language lacks one of the splits."""
    found: dict[str, set[Split]] = {}
    for message in messages:
        found.setdefault(message.language, set()).add(message.split)
    for language, splits in sorted(found.items()):
        for missing in sorted(set(SPLITS) - splits):
            raise SweepError(f"{language} has no {missing} messages: a sweep needs both splits")


def require_enough_facts(users: Iterable[LabelledUser], goals: Iterable[Goal]) -> None:
    """Raise SweepError where a goal is for more facts than any user of a language has to tune on."""
    largest: dict[str, LabelledUser] = {}
    for user in (user for user in users if user.split == "tune"):
        largest[user.language] = max(user, largest.get(user.language, user), key=lambda one: len(one.facts))
    for goal in goals:
        for language, user in sorted(largest.items()):
            if goal.facts is not None and goal.facts > len(user.facts):
                raise SweepError(
                    f"{goal}: the largest {language} user to tune on, {user.user.id}, has {len(user.facts)} "
                    "facts: name no more after the @, or label a user with more"
                )


def sweep(
    messages: Sequence[ScoredMessage], goals: Sequence[Goal], limit: int, resampling: Resampling
) -> list[Chosen]:
    """Choose a threshold per language and goal on `tune`. Raises SweepError where a split is missing."""
    require_both_splits(messages)
    found: list[Chosen] = []
    for language, said in of_language(messages).items():
        tune, test = of_split(said, "tune"), of_split(said, "test")
        points = {facts: curve(tune, limit, facts) for facts in {goal.facts for goal in goals}}
        for goal in goals:
            threshold = choose(points[goal.facts], goal)
            if threshold is None:
                found.append(Chosen(language, goal, None))
                continue
            on_tune = measure(tune, "tune", limit, threshold, resampling, goal.sizes)
            on_test = measure(test, "test", limit, threshold, resampling, goal.sizes)
            found.append(Chosen(language, goal, threshold, on_tune, on_test))
    return found
