"""Facts that exist already, embedded anew and written under the ids that they have."""

from collections import defaultdict
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass
from typing import Final

from repartee.application.ports import EmbeddedFact, Embedder, FactArchive, FactStore
from repartee.domain.fact import Fact, TenantScope

OwnedFact = tuple[TenantScope, Fact]

_BATCH: Final = 64


@dataclass(slots=True)
class Carried:
    """What became of the facts. `foreign` ones have an id that another user's fact holds."""

    written: int = 0
    there: int = 0
    foreign: int = 0

    @property
    def seen(self) -> int:
        """All of them."""
        return self.written + self.there + self.foreign


class CarryFacts:
    """Write facts with their ids, times and all, batch by batch.

    One that is already there stays as it is, for it may have been edited since; so doing it again, or after
    an interruption, does only what is left.
    """

    def __init__(self, embedder: Embedder, store: FactStore, archive: FactArchive) -> None:
        self._embedder = embedder
        self._store = store
        self._archive = archive

    async def __call__(
        self, facts: AsyncIterable[OwnedFact], progress: Callable[[Carried], None] = lambda _: None
    ) -> Carried:
        """Return what became of them; `progress` is told the same after each batch."""
        done = Carried()
        batch: list[OwnedFact] = []
        async for pair in facts:
            batch.append(pair)
            if len(batch) == _BATCH:
                await self._carry(batch, done)
                progress(done)
                batch = []
        if batch:
            await self._carry(batch, done)
            progress(done)
        return done

    async def _carry(self, batch: list[OwnedFact], done: Carried) -> None:
        there = await self._stored(batch)
        missing = [pair for pair in batch if _place(pair) not in there]
        vectors = await self._embedder.embed_facts([fact.text for _, fact in missing])
        await self._archive.load(
            [
                (scope, EmbeddedFact(fact, vector))
                for (scope, fact), vector in zip(missing, vectors, strict=True)
            ]
        )
        written = len(await self._stored(missing))
        done.there += len(batch) - len(missing)
        done.written += written
        done.foreign += len(missing) - written

    async def _stored(self, batch: list[OwnedFact]) -> set[tuple[str, str]]:
        """Return which of them their users have; points of others were left as they are."""
        ids = defaultdict(list)
        for scope, fact in batch:
            ids[scope].append(fact.id)
        return {
            (scope.user_id, fact.id)
            for scope, wanted in ids.items()
            for fact in await self._store.get(scope, wanted)
        }


def _place(pair: OwnedFact) -> tuple[str, str]:
    scope, fact = pair
    return scope.user_id, fact.id
