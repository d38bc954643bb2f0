"""Everything that is stored about a user, for the user."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Final

from repartee.application.ports import EventLog, FactArchive, FactStore
from repartee.domain.fact import Fact, FactView, TenantScope

_PAGE: Final = 500
_ALL: Final = FactView(superseded=True)


@dataclass(frozen=True, slots=True)
class KeptFact:
    """A fact and, where it is in the collection of a former embedder, that one's profile."""

    fact: Fact
    profile: str | None = None

    @property
    def row(self) -> dict[str, Any]:
        """The fact's fields in one object."""
        where = {"profile": self.profile} if self.profile else {}
        return {"type": "fact", **self.fact.model_dump(mode="json"), **where}


class ExportUser:
    """Read out everything that is stored about one user: facts, recorded replies, and the feedback on them.

    First comes how much there is, then facts, also those that no longer hold and those of former embedders'
    collections (with their `profile`, and only where they differ from the current one), then events as the
    log holds them. A user of whom nothing is known has zeros.
    """

    def __init__(self, store: FactStore, archive: FactArchive, events: EventLog) -> None:
        self._store = store
        self._archive = archive
        self._events = events

    async def __call__(self, scope: TenantScope) -> AsyncGenerator[dict[str, Any], None]:
        """Yield one `user` row, then `fact` rows, then `event` rows. Raises UpstreamError, OSError."""
        facts = await self.facts(scope)
        events = await self.events(scope)
        yield {"type": "user", "user_id": scope.user_id, "facts": len(facts), "events": events}
        for kept in facts:
            yield kept.row
        async for event in self._events.of_user(scope.user_id):
            yield {"type": "event", "event": event}

    async def facts(self, scope: TenantScope) -> list[KeptFact]:
        """Return the facts, each different one once."""
        found = {fact: KeptFact(fact) for fact in await self._current(scope)}
        for profile in await self._archive.stale_profiles():
            for fact in await self._former(scope, profile):
                found.setdefault(fact, KeptFact(fact, profile))
        return list(found.values())

    async def events(self, scope: TenantScope) -> int:
        """Return how many events there are."""
        return len([None async for _ in self._events.of_user(scope.user_id)])

    async def _current(self, scope: TenantScope) -> list[Fact]:
        facts: list[Fact] = []
        after: str | None = None
        while True:
            page = await self._store.page(scope, after, _PAGE, _ALL)
            facts += page.facts
            if page.next is None:
                return facts
            after = page.next

    async def _former(self, scope: TenantScope, profile: str) -> list[Fact]:
        """Read the collection to its end at once: while it is read, nobody can delete from it."""
        return [fact async for owner, fact in self._archive.export(profile) if owner == scope]
