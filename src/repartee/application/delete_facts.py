"""Forget."""

from pydantic import BaseModel

from repartee.application.ports import FactStore
from repartee.domain.errors import NotFound
from repartee.domain.fact import TenantScope


class Deleted(BaseModel):
    """How many facts there were and are no more."""

    deleted: int


class DeleteFacts:
    """Forget one fact or everything about a user; afterwards nothing of it is found."""

    def __init__(self, store: FactStore) -> None:
        self._store = store

    async def __call__(self, scope: TenantScope) -> Deleted:
        """Forget everything about the user. A user without facts gives 0."""
        return Deleted(deleted=await self._store.delete_all(scope))

    async def one(self, scope: TenantScope, fact_id: str) -> Deleted:
        """Forget one fact. Raises NotFound."""
        deleted = await self._store.delete(scope, [fact_id])
        if not deleted:
            raise NotFound("this user has no fact with this id")
        return Deleted(deleted=deleted)
