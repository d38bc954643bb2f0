"""Which of the user's facts matter for this message."""

from dataclasses import dataclass
from typing import Final

import structlog

from repartee.application.deadline import deadline_in
from repartee.application.ports import Embedder, FactStore, Reranker, RetrievalStatus, Telemetry
from repartee.domain.errors import DeadlineExceeded, ReparteeError, UpstreamError
from repartee.domain.fact import RetrievedFact, TenantScope

_log = structlog.get_logger(__name__)

_QUERY_CHARACTERS: Final = 2_000
_OVERFETCH_FOR_RERANK: Final = 4


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What was found. `threshold` is the cosine that a fact's score had to exceed."""

    status: RetrievalStatus
    facts: tuple[RetrievedFact, ...] = ()
    threshold: float | None = None
    reranked: bool = False


@dataclass(frozen=True, slots=True)
class Candidates:
    """The nearest facts, kept or not."""

    facts: tuple[RetrievedFact, ...]
    threshold: float


class RetrieveFacts:
    """One embedding call and one filtered search, inside a deadline of their own; never a failed reply.

    A fact counts when its score is above the embedder's threshold. An outage, a slow embedder or a slow store
    gives no facts and the status `error`; a user without facts gives `empty`; facts that do not fit the
    message give `below_threshold`. With a reranker the facts above the threshold are put in its order; if it
    fails, the order stays.
    """

    def __init__(
        self,
        embedder: Embedder,
        store: FactStore,
        reranker: Reranker | None,
        telemetry: Telemetry,
        deadline_seconds: float,
    ) -> None:
        self._embedder = embedder
        self._store = store
        self._reranker = reranker
        self._telemetry = telemetry
        self._deadline_seconds = deadline_seconds

    async def __call__(
        self, scope: TenantScope, query: str, limit: int, threshold: float | None = None
    ) -> Retrieval:
        """Return the facts for `query`, best first. Never raises for an outage."""
        try:
            async with deadline_in(self._deadline_seconds):
                return await self._retrieve(scope, query, limit, threshold)
        except ReparteeError as error:
            self._telemetry.degraded("retrieval")
            _log.warning("retrieval failed", code=error.code, reason=error.message)
            return Retrieval(status="error")

    async def candidates(
        self, scope: TenantScope, query: str, limit: int, threshold: float | None = None
    ) -> Candidates:
        """Return the nearest facts with their scores, whether they pass or not. Raises UpstreamError."""
        vector = await self._embedder.embed_query(query[-_QUERY_CHARACTERS:])
        facts = await self._store.search(scope, vector, limit)
        return Candidates(tuple(facts), self._embedder.profile.threshold if threshold is None else threshold)

    async def _retrieve(
        self, scope: TenantScope, query: str, limit: int, threshold: float | None
    ) -> Retrieval:
        overfetch = _OVERFETCH_FOR_RERANK if self._reranker else 1
        found = await self.candidates(scope, query, limit * overfetch, threshold)
        if not found.facts:
            return Retrieval("empty", threshold=found.threshold)
        kept = tuple(fact for fact in found.facts if fact.score > found.threshold)
        if not kept:
            return Retrieval("below_threshold", threshold=found.threshold)
        ordered, reranked = await self._reranked(query, kept)
        return Retrieval("ok", ordered[:limit], found.threshold, reranked)

    async def _reranked(
        self, query: str, facts: tuple[RetrievedFact, ...]
    ) -> tuple[tuple[RetrievedFact, ...], bool]:
        if self._reranker is None or len(facts) == 1:
            return facts, False
        try:
            async with deadline_in(self._deadline_seconds / 2):
                scores = await self._reranker.rerank(query, [fact.text for fact in facts])
        except (UpstreamError, DeadlineExceeded) as error:
            self._telemetry.degraded("rerank")
            _log.warning("rerank failed", code=error.code, reason=error.message)
            return facts, False
        order = sorted(range(len(facts)), key=lambda index: -scores[index])
        return tuple(facts[index] for index in order), True
