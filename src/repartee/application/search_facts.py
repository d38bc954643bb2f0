"""Explain what a message would retrieve."""

from pydantic import BaseModel

from repartee.application.ports import RetrievalStatus
from repartee.application.retrieve_facts import Question, RerankStatus, RetrieveFacts
from repartee.domain.fact import FactOwner, TenantScope
from repartee.domain.ranking import Candidate, Verdict


class ScoreParts(BaseModel):
    """What a fact's place is made of: `score` is `similarity` times `recency`.

    `rerank` is the reranker's relevance, on its own scale, null where it was not asked about this fact.
    """

    similarity: float
    recency: float
    score: float
    rerank: float | None


class FactCandidate(BaseModel):
    """A fact near the message: whether a reply would use it, and why."""

    id: str
    owner: FactOwner
    character: str
    text: str
    scores: ScoreParts
    kept: bool
    verdict: Verdict


class CandidateList(BaseModel):
    """The nearest facts, in the order in which a reply would take them."""

    status: RetrievalStatus
    candidates: list[FactCandidate]
    threshold: float | None
    rerank: RerankStatus


class SearchFacts:
    """Return the facts nearest to a message, with every score and why a reply would use or drop each.

    It is the retrieval of a reply, with the same settings; only an outage is an error here.
    """

    def __init__(self, retrieve_facts: RetrieveFacts) -> None:
        self._retrieve_facts = retrieve_facts

    async def __call__(
        self,
        scope: TenantScope,
        question: Question,
        shown: int,
        limit: int = 3,
        threshold: float | None = None,
    ) -> CandidateList:
        """Return up to `shown` candidates, judged as for a reply with up to `limit` facts.

        Raises UpstreamError.
        """
        found = await self._retrieve_facts.explained(scope, question, limit, threshold, fetched=shown)
        return CandidateList(
            status=found.status,
            candidates=[_row(candidate) for candidate in found.candidates[:shown]],
            threshold=found.threshold,
            rerank=found.rerank,
        )


def _row(candidate: Candidate) -> FactCandidate:
    fact = candidate.fact
    return FactCandidate(
        id=fact.id,
        owner=fact.owner,
        character=fact.character,
        text=fact.text,
        scores=ScoreParts(
            similarity=round(fact.score, 4),
            recency=round(candidate.recency, 4),
            score=round(candidate.score, 4),
            rerank=None if candidate.rerank is None else round(candidate.rerank, 4),
        ),
        kept=candidate.used,
        verdict=candidate.verdict,
    )
