"""Remember something about a user."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from repartee.application.ports import EmbeddedFact, Embedder, FactStore, Vector
from repartee.application.tenant_locks import TenantLocks
from repartee.domain.fact import Fact, FactOwner, TenantScope, fact_id
from repartee.domain.text import FactText, ShortText

_Key = tuple[FactOwner, str]


class NewFact(BaseModel):
    """A statement to remember. `owner` says whom it is about, `source` where it came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: FactText
    owner: FactOwner = "user"
    source: ShortText = ""


class AddFactsRequest(BaseModel):
    """Up to 256 facts in one request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    facts: Annotated[tuple[NewFact, ...], Field(min_length=1, max_length=256)]


class FactList(BaseModel):
    """Facts, in the order in which they were asked for."""

    facts: list[Fact]


class AddFacts:
    """Store facts so that adding the same text for the same user twice changes nothing.

    The same user, owner and text always give the same id. When the answer is given the facts are durable and
    found by the next reply.
    """

    def __init__(
        self,
        embedder: Embedder,
        store: FactStore,
        locks: TenantLocks,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._embedder = embedder
        self._store = store
        self._locks = locks
        self._now = now

    async def __call__(self, scope: TenantScope, new_facts: Iterable[NewFact]) -> FactList:
        """Return the stored facts, one per different given fact, in order. Raises UpstreamError."""
        wanted = {(new.owner, new.text): new for new in new_facts}
        vectors: dict[_Key, Vector] = {}
        while True:
            known = await self._known(scope, wanted)
            lacking = [key for key in wanted if key not in known and key not in vectors]
            # Outside of the lock, so that a slow embedder keeps nobody from deleting.
            embedded = await self._embedder.embed_facts([text for _, text in lacking])
            vectors |= zip(lacking, embedded, strict=True)
            async with self._locks.of(scope):
                known = await self._known(scope, wanted)
                missing = [new for key, new in wanted.items() if key not in known]
                if all((new.owner, new.text) in vectors for new in missing):
                    for fact in await self._written(scope, missing, vectors):
                        known[fact.owner, fact.text] = fact
                    return FactList(facts=[known[key] for key in wanted])

    async def _known(self, scope: TenantScope, wanted: Mapping[_Key, NewFact]) -> dict[_Key, Fact]:
        stored = await self._store.find(scope, [text for _, text in wanted])
        return {(fact.owner, fact.text): fact for fact in stored if (fact.owner, fact.text) in wanted}

    async def _written(
        self, scope: TenantScope, missing: list[NewFact], vectors: Mapping[_Key, Vector]
    ) -> list[Fact]:
        if not missing:
            return []
        created_at = self._now()
        ids = await self._free_ids(scope, missing)
        facts = [
            Fact(id=free_id, owner=new.owner, text=new.text, source=new.source, created_at=created_at)
            for free_id, new in zip(ids, missing, strict=True)
        ]
        await self._store.upsert(
            scope, [EmbeddedFact(fact, vectors[fact.owner, fact.text]) for fact in facts]
        )
        return facts

    async def _free_ids(self, scope: TenantScope, missing: list[NewFact]) -> list[str]:
        """Return an id per fact that no stored fact holds: an edited fact keeps the id of its first text."""
        ids = [fact_id(scope, new.owner, new.text) for new in missing]
        taken = {fact.id for fact in await self._store.get(scope, ids)}
        attempt = 0
        while taken & set(ids):
            attempt += 1
            ids = [
                fact_id(scope, new.owner, new.text, attempt) if old_id in taken else old_id
                for old_id, new in zip(ids, missing, strict=True)
            ]
            taken = {fact.id for fact in await self._store.get(scope, ids)}
        return ids
