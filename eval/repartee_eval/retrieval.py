"""How well an embedder finds the facts that matter: scores per message, then measures per group of users.

The search is exact: every fact of the user, by the dot product of unit vectors, ties in order of id. That is
what the fact stores do for one user, so no store is needed."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from typing import Final, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from repartee.application.ports import Embedder
from repartee.application.retrieve_facts import mixed_query
from repartee.domain.text import Script, script_of
from repartee_eval.retrieval_data import SPLITS, LabelledMessage, LabelledUser, Split
from repartee_eval.statistics.intervals import Interval, Part, ratio_interval
from repartee_eval.statistics.ranking import (
    Counts,
    chance_of_any,
    hit_at,
    ndcg,
    recall_at,
    reciprocal_rank,
    thresholded,
)


class Said(Protocol):
    """Anything that was said by someone and is measured in groups."""

    @property
    def user(self) -> str:
        """Who said it."""
        ...

    @property
    def language(self) -> str:
        """In which language."""
        ...

    @property
    def split(self) -> Split:
        """For tuning or for testing."""
        ...


M = TypeVar("M", bound=Said)


@dataclass(frozen=True, slots=True)
class ScoredMessage:
    """A message with its user's facts, best score first. `threshold` is the embedder's own, by `script`."""

    user: str
    language: str
    split: Split
    message: str
    scores: tuple[float, ...]
    grades: tuple[int, ...]
    facts: tuple[str, ...] = ()
    script: Script = "latin"
    threshold: float = 0.0

    def least(self, threshold: float | None) -> float:
        """Return the score that a used fact exceeds: the given one, else the embedder's own."""
        return self.threshold if threshold is None else threshold


@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals are made."""

    seed: int = 0
    resamples: int = 2_000
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class Measured:
    """The measures of one group of messages by name; `split` is `all` where both splits are in it.

    `threshold` is None where each message was judged by the embedder's own.
    """

    language: str
    split: Split | Literal["all"]
    users: tuple[str, ...]
    messages: int
    limit: int
    threshold: float | None
    measures: Mapping[str, Interval]


Placement = Literal["follow-ups", "new-topics"]


@dataclass(frozen=True, slots=True)
class Context:
    """Messages within a talk, and how many of its turns are mixed into the query.

    `follow-ups` are the messages that have turns before them. `new-topics` are those that stand alone, each
    put after the turns of another message: there the turns mislead.
    """

    placement: Placement
    turns: int = 0
    decay: float = 0.5

    def placed(self, user: LabelledUser) -> list[tuple[LabelledMessage, list[str]]]:
        """Return messages with the turns before them, newest first."""
        follow_ups = user.following_up
        if self.placement == "follow-ups":
            pairs = [(message, message) for message in follow_ups]
        else:
            pairs = list(zip(user.standing_alone, cycle(follow_ups), strict=False))
        return [
            (message, [turn.text for turn in reversed(before.before)][: self.turns])
            for message, before in pairs
        ]


async def score_messages(
    embedder: Embedder, users: Iterable[LabelledUser], context: Context | None = None
) -> list[ScoredMessage]:
    """Embed every fact and message and return the rankings. Raises UpstreamError.

    Without a context these are the messages that stand alone.
    """
    return [scored for user in users for scored in await _scored(embedder, user, context)]


async def _scored(embedder: Embedder, user: LabelledUser, context: Context | None) -> list[ScoredMessage]:
    if context is None:
        placed: list[tuple[LabelledMessage, list[str]]] = [(message, []) for message in user.standing_alone]
    else:
        placed = context.placed(user)
    decay = context.decay if context else 1.0
    facts = sorted(user.facts, key=lambda fact: fact.id)
    vectors = np.array(await embedder.embed_facts([fact.text for fact in facts]))
    identifiers = [fact.id for fact in facts]
    queries = [
        mixed_query(await embedder.embed_queries([message.text, *before]), decay)
        for message, before in placed
    ]
    return [
        replace(
            _ranked(user, message, identifiers, vectors @ np.array(query)),
            script=script_of(message.text),
            threshold=embedder.profile.threshold_for(message.text),
        )
        for (message, _), query in zip(placed, queries, strict=True)
    ]


def own_thresholds(messages: Iterable[ScoredMessage]) -> dict[Script, float]:
    """Return the embedder's own thresholds for the scripts that the messages are in."""
    return dict(sorted({message.script: message.threshold for message in messages}.items()))


def _ranked(
    user: LabelledUser, message: LabelledMessage, identifiers: Sequence[str], scores: NDArray[np.float64]
) -> ScoredMessage:
    order = np.argsort(-scores, kind="stable")  # equal scores stay in order of id
    return ScoredMessage(
        user=user.user.id,
        language=user.language,
        split=user.split,
        message=message.id,
        scores=tuple(scores[order].tolist()),
        grades=tuple(message.relevant.get(identifiers[place], 0) for place in order),
        facts=tuple(identifiers[place] for place in order),
    )


# --- measures -----------------------------------------------------------------------------------------

Measure = Callable[[ScoredMessage], Part]

OF_COUNTS: Final[Mapping[str, Callable[[Counts], Part]]] = {
    "precision": lambda counts: (counts.correct, counts.selected),
    "recall": lambda counts: (counts.correct, counts.relevant),
    "F1": lambda counts: (2 * counts.correct, counts.selected + counts.relevant),
    "FPR": lambda counts: (0, 0) if counts.relevant else (counts.selected > 0, 1),
}


def thresholded_measures(
    limit: int, threshold: float | None, sizes: Iterable[int] = ()
) -> dict[str, Measure]:
    """Return the measures of what the service would use, by name: micro averages over messages.

    Precision and F1 are over all messages, so that a fact on a message which needs none counts against them.
    For each of `sizes` there is an FPR@n: that of a user with so many facts.
    """

    def applied(part: Callable[[Counts], Part], message: ScoredMessage) -> Part:
        return part(thresholded(message.scores, message.grades, limit, message.least(threshold)))

    measures = {name: partial(applied, part) for name, part in OF_COUNTS.items()}
    return {**measures, **{f"FPR@{n}": partial(_fpr_at, n=n, threshold=threshold) for n in sizes}}


def _fpr_at(message: ScoredMessage, n: int, threshold: float | None) -> Part:
    """Return the chance of a false positive for a user with n facts; users with fewer say nothing."""
    if any(message.grades) or len(message.scores) < n:
        return (0.0, 0.0)
    above = sum(score > message.least(threshold) for score in message.scores)
    return (chance_of_any(above, len(message.scores), n), 1.0)


def ranking_measures(limit: int) -> dict[str, Measure]:
    """Return the measures of the order alone, by name: means over the messages with a relevant fact."""
    measures: dict[str, Measure] = {}
    for k in sorted({limit, 10}):
        measures[f"recall@{k}"] = partial(_mean_of, partial(recall_at, k=k))
        measures[f"nDCG@{k}"] = partial(_mean_of, partial(ndcg, k=k))
        measures[f"hit rate@{k}"] = partial(_mean_of, partial(hit_at, k=k))
    return {**measures, "MRR": partial(_mean_of, reciprocal_rank)}


def _mean_of(measure: Callable[[Sequence[int]], float | None], message: ScoredMessage) -> Part:
    value = measure(message.grades)
    return (0.0, 0.0) if value is None else (value, 1.0)


def of_language(messages: Iterable[M]) -> dict[str, list[M]]:
    """Return the messages by language, languages sorted."""
    groups: dict[str, list[M]] = defaultdict(list)
    for message in messages:
        groups[message.language].append(message)
    return dict(sorted(groups.items()))


def of_split(messages: Iterable[M], split: Split) -> list[M]:
    """Return the messages of one split."""
    return [message for message in messages if message.split == split]


def of_user(messages: Iterable[M]) -> dict[str, list[M]]:
    """Return the messages by user: the clusters of an interval."""
    groups: dict[str, list[M]] = defaultdict(list)
    for message in messages:
        groups[message.user].append(message)
    return dict(groups)


def groups(messages: Iterable[M]) -> Iterator[tuple[Split | Literal["all"], list[M]]]:
    """Yield what is measured together: per language tune, test, and `all` where it has both."""
    for said in of_language(messages).values():
        parts = [(split, part) for split in SPLITS if (part := of_split(said, split))]
        yield from parts
        if len(parts) > 1:
            yield "all", said


def measure_groups(
    messages: Iterable[ScoredMessage], limit: int, threshold: float | None, resampling: Resampling
) -> list[Measured]:
    """Measure each language: tune, test, and both together where it has both. Languages are never mixed.

    Without a threshold each message is judged by the embedder's own.
    """
    return [measure(group, split, limit, threshold, resampling) for split, group in groups(messages)]


def measure(
    messages: Sequence[ScoredMessage],
    split: Split | Literal["all"],
    limit: int,
    threshold: float | None,
    resampling: Resampling,
    sizes: Iterable[int] = (),
) -> Measured:
    """Measure messages of one language with intervals."""
    by_user = of_user(messages)
    measures = {**ranking_measures(limit), **thresholded_measures(limit, threshold, sizes)}
    intervals = {
        name: ratio_interval(
            [[part(message) for message in said] for said in by_user.values()],
            seed=resampling.seed,
            resamples=resampling.resamples,
            level=resampling.level,
        )
        for name, part in measures.items()
    }
    return Measured(messages[0].language, split, tuple(by_user), len(messages), limit, threshold, intervals)
