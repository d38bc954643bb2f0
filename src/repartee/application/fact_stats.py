"""How much is remembered."""

from pydantic import BaseModel

from repartee.application.ports import CollectionStats, Embedder, FactArchive


class CollectionCounts(BaseModel):
    """One embedder's collection. `superseded` and `pinned` facts are among the `facts`."""

    profile: str
    current: bool
    facts: int
    users: int
    superseded: int
    pinned: int


class FactCounts(BaseModel):
    """The current embedder's collection first, then those that former ones left behind."""

    collections: list[CollectionCounts]


class FactStats:
    """Count facts and users, per embedder: numbers only, nothing of any user.

    Collections that are not `current` are searched by nobody; a re-index carries their facts over.
    """

    def __init__(self, embedder: Embedder, archive: FactArchive) -> None:
        self._embedder = embedder
        self._archive = archive

    async def __call__(self) -> FactCounts:
        """Return the counts. Raises UpstreamError."""
        current = self._embedder.profile.id
        profiles = [current, *await self._archive.stale_profiles()]
        stats = [await self._archive.stats(profile) for profile in profiles]
        return FactCounts(collections=[_counts(one, current) for one in stats])


def _counts(stats: CollectionStats, current: str) -> CollectionCounts:
    return CollectionCounts(
        profile=stats.profile_id,
        current=stats.profile_id == current,
        facts=stats.facts,
        users=stats.users,
        superseded=stats.superseded,
        pinned=stats.pinned,
    )
