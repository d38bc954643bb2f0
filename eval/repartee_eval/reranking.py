"""What a reranker changes: the same messages in the embedder's order and in its own, compared in pairs.

The reranker reads a message with each of the nearest facts. As in the service, a fact is used when it passes
the embedder's threshold and, where there is one, the reranker's; the reranker decides which come first.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Literal

from repartee.application.ports import Reranker
from repartee_eval.retrieval import (
    OF_COUNTS,
    Measure,
    Resampling,
    ScoredMessage,
    groups,
    of_user,
    ranking_measures,
    thresholded_measures,
)
from repartee_eval.retrieval_data import LabelledUser, Split
from repartee_eval.statistics.intervals import Interval, Part, difference_interval, ratio_interval
from repartee_eval.statistics.ranking import Counts


@dataclass(frozen=True, slots=True)
class RerankedMessage:
    """A message in the embedder's order, with the relevances of the first facts in that order."""

    dense: ScoredMessage
    relevances: tuple[float, ...]

    @property
    def user(self) -> str:
        """Who said it."""
        return self.dense.user

    @property
    def language(self) -> str:
        """In which language."""
        return self.dense.language

    @property
    def split(self) -> Split:
        """For tuning or for testing."""
        return self.dense.split

    @property
    def order(self) -> list[int]:
        """The places of the reranked facts, best first; equal ones as the embedder had them."""
        return sorted(range(len(self.relevances)), key=lambda place: -self.relevances[place])

    @property
    def reranked(self) -> ScoredMessage:
        """The message with its reranked facts first, the others behind them as they were."""
        places = [*self.order, *range(len(self.relevances), len(self.dense.grades))]
        return replace(
            self.dense,
            scores=tuple(self.dense.scores[place] for place in places),
            grades=tuple(self.dense.grades[place] for place in places),
            facts=tuple(self.dense.facts[place] for place in places),
        )


@dataclass(frozen=True, slots=True)
class Rules:
    """What a reply would use: of the facts above both thresholds the first `limit`.

    Without a `threshold` each message is judged by the embedder's own.
    """

    limit: int
    threshold: float | None
    rerank_threshold: float | None = None

    def counts(self, message: RerankedMessage) -> Counts:
        """Count what the service would use of a reranked message."""
        grades = message.dense.grades
        used = [place for place in message.order if self._passes(message, place)][: self.limit]
        return Counts(len(used), sum(grades[place] >= 1 for place in used), sum(one >= 1 for one in grades))

    def _passes(self, message: RerankedMessage, place: int) -> bool:
        if message.dense.scores[place] <= message.dense.least(self.threshold):
            return False
        return self.rerank_threshold is None or message.relevances[place] > self.rerank_threshold


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure in both orders, and how much the second is above the first."""

    dense: Interval
    reranked: Interval
    difference: Interval


@dataclass(frozen=True, slots=True)
class Compared:
    """The measures of one group of messages by name."""

    language: str
    split: Split | Literal["all"]
    users: tuple[str, ...]
    messages: int
    measures: Mapping[str, Comparison]


@dataclass(frozen=True, slots=True)
class RerankReport:
    """What was compared: with which reranker, on how many of the nearest facts."""

    reranker: str
    candidates: int
    threshold: float | None
    rows: Sequence[Compared]


async def rerank_messages(
    reranker: Reranker, users: Iterable[LabelledUser], messages: Iterable[ScoredMessage], candidates: int
) -> list[RerankedMessage]:
    """Ask the reranker about the nearest facts of each message. Raises UpstreamError."""
    said, facts = {}, {}
    for user in users:
        said.update({(user.user.id, message.id): message.text for message in user.messages})
        facts.update({(user.user.id, fact.id): fact.text for fact in user.facts})
    found = []
    for message in messages:
        texts = [facts[message.user, fact] for fact in message.facts[:candidates]]
        relevances = await reranker.rerank(said[message.user, message.message], texts)
        found.append(RerankedMessage(message, tuple(relevances)))
    return found


# --- measures -----------------------------------------------------------------------------------------

PairedMeasure = Callable[[RerankedMessage], tuple[Part, Part]]


def compare_groups(
    messages: Iterable[RerankedMessage], rules: Rules, resampling: Resampling
) -> list[Compared]:
    """Compare both orders per language: tune, test, and both together where it has both."""
    return [compare(group, split, rules, resampling) for split, group in groups(messages)]


def compare(
    messages: Sequence[RerankedMessage],
    split: Split | Literal["all"],
    rules: Rules,
    resampling: Resampling,
) -> Compared:
    """Compare messages of one language, with intervals."""
    by_user = of_user(messages)
    how = asdict(resampling)
    measures: dict[str, Comparison] = {}
    for name, measure in paired_measures(rules).items():
        parts = [[measure(message) for message in said] for said in by_user.values()]
        dense, reranked = ([[pair[side] for pair in said] for said in parts] for side in (0, 1))
        measures[name] = Comparison(
            ratio_interval(dense, **how),
            ratio_interval(reranked, **how),
            difference_interval(parts, **how),
        )
    return Compared(messages[0].language, split, tuple(by_user), len(messages), measures)


def paired_measures(rules: Rules) -> dict[str, PairedMeasure]:
    """Return the measures of retrieval by name, each for the embedder's order and for the reranker's."""

    def of_order(measure: Measure, message: RerankedMessage) -> tuple[Part, Part]:
        return measure(message.dense), measure(message.reranked)

    def of_use(
        measure: Measure, part: Callable[[Counts], Part], message: RerankedMessage
    ) -> tuple[Part, Part]:
        return measure(message.dense), part(rules.counts(message))

    ordered = {name: partial(of_order, one) for name, one in ranking_measures(rules.limit).items()}
    used = {
        name: partial(of_use, one, OF_COUNTS[name])
        for name, one in thresholded_measures(rules.limit, rules.threshold).items()
    }
    return {**ordered, **used}
