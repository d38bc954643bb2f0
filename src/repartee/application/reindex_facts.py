"""Carry facts over to a new embedder."""

from collections.abc import Callable
from itertools import groupby

from pydantic import BaseModel

from repartee.application.ports import EmbeddedFact, Embedder, FactArchive, FactStore
from repartee.domain.fact import Fact, TenantScope

_BATCH = 64


class Reindexed(BaseModel):
    """What was carried over. `profiles` are the collections that it came from."""

    profiles: list[str]
    facts: int


class ReindexFacts:
    """Embed the facts of every other collection with the current embedder.

    The old collections stay until `drop` is asked for. Facts keep their ids, so running it again, or after
    an interruption, changes nothing that is already there.
    """

    def __init__(self, embedder: Embedder, store: FactStore, archive: FactArchive) -> None:
        self._embedder = embedder
        self._store = store
        self._archive = archive

    async def __call__(
        self, *, drop: bool = False, progress: Callable[[int], None] = lambda _: None
    ) -> Reindexed:
        """Carry facts over and return how many; `progress` is told the running total."""
        profiles = await self._archive.stale_profiles()
        total = 0
        for profile in profiles:
            batch: list[tuple[TenantScope, Fact]] = []
            async for pair in self._archive.export(profile):
                batch.append(pair)
                if len(batch) == _BATCH:
                    total += await self._carried_over(batch)
                    progress(total)
                    batch = []
            total += await self._carried_over(batch)
            progress(total)
            if drop:
                await self._archive.drop(profile)
        return Reindexed(profiles=profiles, facts=total)

    async def _carried_over(self, batch: list[tuple[TenantScope, Fact]]) -> int:
        vectors = await self._embedder.embed_facts([fact.text for _, fact in batch])
        rows = sorted(
            (
                (scope, EmbeddedFact(fact, vector))
                for (scope, fact), vector in zip(batch, vectors, strict=True)
            ),
            key=lambda row: row[0].user_id,
        )
        for user_id, group in groupby(rows, key=lambda row: row[0].user_id):
            await self._store.upsert(TenantScope(user_id), [embedded for _, embedded in group])
        return len(batch)
