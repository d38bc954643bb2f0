"""Correct what is remembered."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from repartee.application.ports import EmbeddedFact, Embedder, FactStore
from repartee.application.tenant_locks import TenantLocks
from repartee.domain.errors import Conflict, InvalidInput, NotFound
from repartee.domain.fact import Fact, TenantScope
from repartee.domain.text import FactText


class EditFactRequest(BaseModel):
    """What is to be different; the rest stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: FactText | None = Field(default=None, description="The fact's new text.")
    pinned: bool | None = Field(default=None, description="Whether every reply uses it.")
    holds: bool | None = Field(
        default=None, description="false: it is true no longer, and hidden; true: it is again."
    )


class EditFact:
    """Change a fact; it keeps its id and is found by its new meaning at once.

    A fact that no longer holds is kept, but no reply uses it.
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

    async def __call__(self, scope: TenantScope, fact_id: str, request: EditFactRequest) -> Fact:
        """Return the changed fact. Raises NotFound, or Conflict where another fact already says this."""
        if not request.model_fields_set:
            raise InvalidInput("give at least one of text, pinned and holds", field="body")
        before = await self._edited(scope, fact_id, request)
        vectors = {}
        if request.text is not None:
            [vectors[before.text]] = await self._embedder.embed_facts([before.text])
        async with self._locks.of(scope):
            edited = await self._edited(scope, fact_id, request)
            if request.text is None:
                await self._store.annotate(scope, [edited])
            else:
                await self._store.upsert(scope, [EmbeddedFact(edited, vectors[edited.text])])
        return edited

    async def _edited(self, scope: TenantScope, fact_id: str, request: EditFactRequest) -> Fact:
        found = await self._store.get(scope, [fact_id])
        if not found:
            raise NotFound("this user has no fact with this id")
        edited = found[0].model_copy(update=self._changes(found[0], request))
        for twin in await self._store.find(scope, [edited.text]):
            if twin.key == edited.key and twin.id != fact_id and twin.invalid_at is edited.invalid_at is None:
                raise Conflict(f"fact {twin.id} already says this: delete one of the two")
        return edited

    def _changes(self, fact: Fact, request: EditFactRequest) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        if request.text is not None:
            changes["text"] = request.text
        if request.holds is True:
            changes |= {"invalid_at": None, "superseded_by": None}
        if request.holds is False:
            changes |= {"invalid_at": fact.invalid_at or self._now(), "pinned": False}
        if request.pinned is not None:
            changes["pinned"] = request.pinned
        return changes
