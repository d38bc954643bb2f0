"""The stored facts that a chat may repeat or end."""

import asyncio
from typing import Final

from repartee.application.ports import Embedder, FactStore
from repartee.domain.fact import FactView, RetrievedFact, TenantScope

_ASKED_TURNS: Final = 16
_QUERY_CHARACTERS: Final = 2_000


class KnownFacts:
    """Find, for each of the user's newest turns, the facts nearest to it: one embedding call in all."""

    def __init__(self, embedder: Embedder, store: FactStore) -> None:
        self._embedder = embedder
        self._store = store

    async def __call__(
        self, scope: TenantScope, turns: list[str], character: str, limit: int
    ) -> tuple[RetrievedFact, ...]:
        """Return up to `limit` facts that the character may know, best first. Raises UpstreamError."""
        if not limit:
            return ()
        vectors = await self._embedder.embed_queries(
            [text[-_QUERY_CHARACTERS:] for text in turns[:_ASKED_TURNS]]
        )
        view = FactView(character=character)
        searches = (self._store.search(scope, vector, limit, view) for vector in vectors)
        best: dict[str, RetrievedFact] = {}
        for fact in (fact for found in await asyncio.gather(*searches) for fact in found):
            if fact.id not in best or best[fact.id].score < fact.score:
                best[fact.id] = fact
        return tuple(sorted(best.values(), key=lambda fact: (-fact.score, fact.id))[:limit])
