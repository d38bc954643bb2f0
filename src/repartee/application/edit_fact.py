"""Correct what is remembered."""

from pydantic import BaseModel, ConfigDict

from repartee.application.ports import EmbeddedFact, Embedder, FactStore
from repartee.application.tenant_locks import TenantLocks
from repartee.domain.errors import Conflict, NotFound
from repartee.domain.fact import Fact, TenantScope
from repartee.domain.text import FactText


class EditFactRequest(BaseModel):
    """The fact's new text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: FactText


class EditFact:
    """Change a fact's text; it keeps its id and is found by its new meaning at once."""

    def __init__(self, embedder: Embedder, store: FactStore, locks: TenantLocks) -> None:
        self._embedder = embedder
        self._store = store
        self._locks = locks

    async def __call__(self, scope: TenantScope, fact_id: str, request: EditFactRequest) -> Fact:
        """Return the changed fact. Raises NotFound, or Conflict where another fact already says this."""
        await self._editable(scope, fact_id, request.text)
        [vector] = await self._embedder.embed_facts([request.text])
        async with self._locks.of(scope):
            fact = await self._editable(scope, fact_id, request.text)
            edited = fact.model_copy(update={"text": request.text})
            await self._store.upsert(scope, [EmbeddedFact(edited, vector)])
        return edited

    async def _editable(self, scope: TenantScope, fact_id: str, text: str) -> Fact:
        found = await self._store.get(scope, [fact_id])
        if not found:
            raise NotFound("this user has no fact with this id")
        for twin in await self._store.find(scope, [text]):
            if twin.owner == found[0].owner and twin.id != fact_id:
                raise Conflict(f"fact {twin.id} already says this: delete one of the two")
        return found[0]
