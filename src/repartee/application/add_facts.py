"""Remember something about a user."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from repartee.application.ports import EmbeddedFact, Embedder, FactStore, Vector
from repartee.application.tenant_locks import TenantLocks
from repartee.domain.errors import NotFound
from repartee.domain.fact import Fact, FactKey, FactOwner, TenantScope, fact_id, fact_key
from repartee.domain.text import FactText, OptionalName, ShortText

FactId = Annotated[str, Field(min_length=1, max_length=64)]


class NewFact(BaseModel):
    """A statement to remember, see `Fact`. It takes the place of the facts that `supersedes` names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: FactText
    owner: FactOwner = "user"
    character: OptionalName = ""
    pinned: bool = False
    source: ShortText = ""
    evidence: ShortText = ""
    supersedes: Annotated[tuple[FactId, ...], Field(max_length=32)] = ()

    @property
    def key(self) -> FactKey:
        """What makes it a duplicate of another one."""
        return fact_key(self.owner, self.character, self.text)


class AddFactsRequest(BaseModel):
    """Up to 256 facts in one request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    facts: Annotated[tuple[NewFact, ...], Field(min_length=1, max_length=256)]


class FactList(BaseModel):
    """Facts, in the order in which they were asked for."""

    facts: list[Fact]


class AddFacts:
    """Store facts so that adding the same one for the same user twice changes nothing.

    Facts are the same where owner, character and text are, whatever the case, spaces and final marks; the one
    that is there stays as it is. When the answer is given the facts are durable and found by the next reply,
    and what they supersede no longer is: it is kept, with the time and the id of its successor.
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
        """Return the stored facts, one per different given fact, in order.

        Raises NotFound where a fact to be superseded is not there, and UpstreamError.
        """
        given = list(new_facts)
        wanted: dict[FactKey, NewFact] = {}
        for new in given:
            wanted.setdefault(new.key, new)
        vectors: dict[FactKey, Vector] = {}
        while True:
            known = await self._known(scope, wanted)
            lacking = [key for key in wanted if key not in known and key not in vectors]
            # Outside of the lock, so that a slow embedder keeps nobody from deleting.
            embedded = await self._embedder.embed_facts([wanted[key].text for key in lacking])
            vectors |= zip(lacking, embedded, strict=True)
            async with self._locks.of(scope):
                known = await self._known(scope, wanted)
                missing = {key: new for key, new in wanted.items() if key not in known}
                if missing.keys() <= vectors.keys():
                    superseded = await self._superseded(scope, given)
                    known |= await self._written(scope, missing, vectors)
                    await self._supersede(scope, superseded, given, known)
                    return FactList(facts=[known[key] for key in wanted])

    async def _known(self, scope: TenantScope, wanted: Mapping[FactKey, NewFact]) -> dict[FactKey, Fact]:
        stored = await self._store.find(scope, [new.text for new in wanted.values()])
        return {fact.key: fact for fact in stored if fact.key in wanted and fact.invalid_at is None}

    async def _superseded(self, scope: TenantScope, given: list[NewFact]) -> dict[str, Fact]:
        ids = sorted({id_ for new in given for id_ in new.supersedes})
        stored = {fact.id: fact for fact in await self._store.get(scope, ids)} if ids else {}
        for place, new in enumerate(given):
            if not stored.keys() >= set(new.supersedes):
                raise NotFound(f"facts.{place}.supersedes: this user has no fact with one of these ids")
        return stored

    async def _supersede(
        self, scope: TenantScope, stored: dict[str, Fact], given: list[NewFact], known: Mapping[FactKey, Fact]
    ) -> None:
        """A fact that was superseded before keeps its first successor."""
        if not stored:
            return
        successors = {id_: known[new.key].id for new in given for id_ in new.supersedes}
        now = self._now()
        ended = [
            fact.model_copy(update={"invalid_at": now, "superseded_by": successors[fact.id], "pinned": False})
            for fact in stored.values()
            if fact.invalid_at is None and successors[fact.id] != fact.id
        ]
        await self._store.annotate(scope, ended)

    async def _written(
        self, scope: TenantScope, missing: Mapping[FactKey, NewFact], vectors: Mapping[FactKey, Vector]
    ) -> dict[FactKey, Fact]:
        if not missing:
            return {}
        created_at = self._now()
        ids = await self._free_ids(scope, list(missing))
        facts = {
            key: Fact(id=free_id, created_at=created_at, **new.model_dump(exclude={"supersedes"}))
            for free_id, (key, new) in zip(ids, missing.items(), strict=True)
        }
        await self._store.upsert(scope, [EmbeddedFact(fact, vectors[key]) for key, fact in facts.items()])
        return facts

    async def _free_ids(self, scope: TenantScope, keys: list[FactKey]) -> list[str]:
        """Return an id per fact that no stored fact holds: an edited fact keeps the id of its first text."""
        ids = [fact_id(scope, key) for key in keys]
        taken = {fact.id for fact in await self._store.get(scope, ids)}
        attempt = 0
        while taken & set(ids):
            attempt += 1
            ids = [
                fact_id(scope, key, attempt) if old_id in taken else old_id
                for old_id, key in zip(ids, keys, strict=True)
            ]
            taken = {fact.id for fact in await self._store.get(scope, ids)}
        return ids
