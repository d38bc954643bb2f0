"""Carry facts over to a new embedder."""

from collections.abc import Callable

from pydantic import BaseModel

from repartee.application.carry_facts import Carried, CarryFacts
from repartee.application.ports import Embedder, FactArchive, FactStore


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
        self._carry_facts = CarryFacts(embedder, store, archive)
        self._archive = archive

    async def __call__(
        self, *, drop: bool = False, progress: Callable[[int], None] = lambda _: None
    ) -> Reindexed:
        """Carry facts over and return how many; `progress` is told the running total."""
        profiles = await self._archive.stale_profiles()
        total = 0
        for profile in profiles:
            carried = await self._carry_facts(self._archive.export(profile), _added_to(total, progress))
            total += carried.written
            if drop:
                await self._archive.drop(profile)
        return Reindexed(profiles=profiles, facts=total)


def _added_to(total: int, progress: Callable[[int], None]) -> Callable[[Carried], None]:
    return lambda done: progress(total + done.written)
