"""All facts of all users, for the operator: a backup, or a move to another store."""

from collections.abc import AsyncIterator

from repartee.application.carry_facts import OwnedFact
from repartee.application.ports import Embedder, FactArchive


class ExportFacts:
    """Read out every fact of the current embedder's collection, also those that no longer hold.

    What is only in the collections of former embedders is left out: a re-index carries it over.
    """

    def __init__(self, embedder: Embedder, archive: FactArchive) -> None:
        self._embedder = embedder
        self._archive = archive

    def __call__(self) -> AsyncIterator[OwnedFact]:
        """Yield the facts, each with its user's scope. Raises UpstreamError."""
        return self._archive.export(self._embedder.profile.id)

    async def left_out(self) -> list[str]:
        """Return the former embedders' profiles that have a collection."""
        return await self._archive.stale_profiles()
