"""Explain what a message would retrieve."""

from pydantic import BaseModel

from repartee.application.retrieve_facts import RetrieveFacts
from repartee.domain.fact import FactOwner, TenantScope


class Candidate(BaseModel):
    """A fact near the message. `kept` is whether a reply would be allowed to use it."""

    id: str
    owner: FactOwner
    text: str
    score: float
    kept: bool


class CandidateList(BaseModel):
    """The nearest facts, best first; a fact is kept where its score is above the threshold."""

    candidates: list[Candidate]
    threshold: float


class SearchFacts:
    """Return the facts nearest to a message with their scores, including those that a reply would drop."""

    def __init__(self, retrieve_facts: RetrieveFacts) -> None:
        self._retrieve_facts = retrieve_facts

    async def __call__(
        self, scope: TenantScope, query: str, limit: int, threshold: float | None = None
    ) -> CandidateList:
        """Return up to `limit` candidates. Raises UpstreamError."""
        found = await self._retrieve_facts.candidates(scope, query, limit, threshold)
        return CandidateList(
            candidates=[
                Candidate(
                    id=fact.id,
                    owner=fact.owner,
                    text=fact.text,
                    score=round(fact.score, 4),
                    kept=fact.score > found.threshold,
                )
                for fact in found.facts
            ],
            threshold=found.threshold,
        )
