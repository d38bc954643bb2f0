"""Which of the user's facts matter for this message."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

import structlog

from repartee.application.deadline import deadline_in
from repartee.application.ports import Embedder, FactStore, Reranker, RetrievalStatus, Telemetry, Vector
from repartee.domain.errors import DeadlineExceeded, ReparteeError, UpstreamError
from repartee.domain.fact import FactView, RetrievedFact, TenantScope
from repartee.domain.ranking import Candidate, RankingRules, judged, limited, reranked

_log = structlog.get_logger(__name__)

_QUERY_CHARACTERS: Final = 2_000

RerankStatus = Literal["off", "ok", "skipped", "failed"]
"""`skipped`: there were not two facts to put in order."""


@dataclass(frozen=True, slots=True)
class RetrievalPolicy:
    """The operator's choices.

    `candidates` facts are fetched per message and judged by `rules`; up to `rerank_candidates` of those above
    the threshold go to the reranker. Up to `pinned_limit` pinned facts come along whatever the message says.
    With `context_turns`, that many turns before the message are mixed into the query, each with
    `context_decay` of the weight of the one after it.
    """

    deadline_seconds: float
    rules: RankingRules = field(default_factory=RankingRules)
    candidates: int = 24
    rerank_candidates: int = 16
    pinned_limit: int = 8
    context_turns: int = 0
    context_decay: float = 0.5


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for: the user's message, the turns before it (newest first), and who will answer."""

    text: str
    before: tuple[str, ...] = ()
    character: str | None = None


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What was found. `threshold` is the cosine that a fact's score had to exceed."""

    status: RetrievalStatus
    candidates: tuple[Candidate, ...] = ()
    threshold: float | None = None
    rerank: RerankStatus = "off"

    @property
    def facts(self) -> tuple[RetrievedFact, ...]:
        """The facts to use, pinned ones first, then best first."""
        return tuple(one.fact for one in self.candidates if one.used)


class RetrieveFacts:
    """One embedding call and one filtered search, inside a deadline of their own; never a failed reply.

    A fact counts when its score is above the embedder's threshold for the message's script. An outage, a slow
    embedder or a slow store gives no facts and the status `error`; a user without facts gives `empty`; facts
    that do not fit the message give `below_threshold`. With a reranker the facts above the threshold are put
    in its order; if it fails, the order stays and `rerank` says so.
    """

    def __init__(
        self,
        embedder: Embedder,
        store: FactStore,
        reranker: Reranker | None,
        telemetry: Telemetry,
        policy: RetrievalPolicy,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._embedder = embedder
        self._store = store
        self._reranker = reranker
        self._telemetry = telemetry
        self._policy = policy
        self._now = now

    @property
    def context_turns(self) -> int:
        """How many turns before the message are looked at."""
        return self._policy.context_turns

    async def __call__(
        self, scope: TenantScope, question: Question, limit: int, threshold: float | None = None
    ) -> Retrieval:
        """Return the facts for `question`. Never raises for an outage."""
        try:
            async with deadline_in(self._policy.deadline_seconds):
                return await self._found(scope, question, limit, threshold, self._kept_at_most(limit))
        except ReparteeError as error:
            self._telemetry.degraded("retrieval")
            _log.warning("retrieval failed", code=error.code, reason=error.message)
            return Retrieval(status="error")

    async def explained(
        self,
        scope: TenantScope,
        question: Question,
        limit: int,
        threshold: float | None = None,
        fetched: int = 0,
    ) -> Retrieval:
        """Do the same, with at least `fetched` candidates, each fully judged. Raises UpstreamError."""
        return await self._found(scope, question, limit, threshold, None, fetched)

    async def _found(
        self,
        scope: TenantScope,
        question: Question,
        limit: int,
        threshold: float | None,
        judged_up_to: int | None,
        fetched: int = 0,
    ) -> Retrieval:
        policy = self._policy
        vector = await self._vector(question)
        least = self._embedder.profile.threshold_for(question.text) if threshold is None else threshold
        size = max(limit, fetched, policy.candidates)
        view = FactView(character=question.character)
        found = await self._store.search(scope, vector, size, view, pinned=policy.pinned_limit)
        candidates = judged(
            found, least, self._now(), policy.rules, complete=len(found) < size, wanted=judged_up_to
        )
        rerank: RerankStatus = "off"
        if self._reranker is not None:
            candidates, rerank = await self._reranked(self._reranker, question.text, candidates)
        chosen = tuple(limited(candidates, limit))
        status: RetrievalStatus = "ok" if any(one.used for one in chosen) else "below_threshold"
        return Retrieval(status if chosen else "empty", chosen, least, rerank)

    def _kept_at_most(self, limit: int) -> int:
        """Return how many facts a reply looks at: it does not say why the others are out."""
        return limit if self._reranker is None else max(limit, self._policy.rerank_candidates)

    async def _vector(self, question: Question) -> Vector:
        turns = (question.text, *question.before[: self._policy.context_turns])
        vectors = await self._embedder.embed_queries([turn[-_QUERY_CHARACTERS:] for turn in turns])
        return mixed_query(vectors, self._policy.context_decay)

    async def _reranked(
        self, reranker: Reranker, query: str, candidates: list[Candidate]
    ) -> tuple[list[Candidate], RerankStatus]:
        considered = limited(candidates, self._policy.rerank_candidates)
        texts = [one.fact.text for one in considered if one.verdict == "kept"]
        if not texts or (len(texts) == 1 and self._policy.rules.rerank_threshold is None):
            return candidates, "skipped"
        try:
            async with deadline_in(self._policy.deadline_seconds / 2):
                relevances = await reranker.rerank(query[-_QUERY_CHARACTERS:], texts)
        except (UpstreamError, DeadlineExceeded) as error:
            self._telemetry.degraded("rerank")
            _log.warning("rerank failed", code=error.code, reason=error.message)
            return candidates, "failed"
        return reranked(considered, relevances, self._policy.rules), "ok"


def mixed_query(vectors: list[Vector], decay: float) -> Vector:
    """Return the mean direction of turns, newest first; each weighs `decay` of the one after it."""
    if len(vectors) == 1:
        return vectors[0]
    weights = [decay**age for age in range(len(vectors))]
    mixed = [sum(map(float.__mul__, weights, values)) for values in zip(*vectors, strict=True)]
    length = math.hypot(*mixed)
    return [value / length for value in mixed] if length else vectors[0]
