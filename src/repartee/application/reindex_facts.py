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

    Facts keep their ids. One that is already there stays as it is, for it may have been edited since; so
    running it again, or after an interruption, does only what is left. The old collections stay until `drop`
    is asked for.
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
        by_user = sorted(batch, key=lambda pair: pair[0].user_id)
        carried = 0
        for user_id, pairs in groupby(by_user, key=lambda pair: pair[0].user_id):
            carried += await self._carried_for(TenantScope(user_id), [fact for _, fact in pairs])
        return carried

    async def _carried_for(self, scope: TenantScope, facts: list[Fact]) -> int:
        there = {fact.id for fact in await self._store.get(scope, [fact.id for fact in facts])}
        missing = [fact for fact in facts if fact.id not in there]
        if missing:
            vectors = await self._embedder.embed_facts([fact.text for fact in missing])
            await self._store.upsert(
                scope, [EmbeddedFact(*pair) for pair in zip(missing, vectors, strict=True)]
            )
        return len(missing)
