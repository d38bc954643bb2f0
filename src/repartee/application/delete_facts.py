"""Forget."""

from pydantic import BaseModel

from repartee.application.ports import FactArchive, FactStore
from repartee.application.tenant_locks import TenantLocks
from repartee.domain.errors import NotFound
from repartee.domain.fact import TenantScope


class Deleted(BaseModel):
    """How many facts there were and are no more."""

    deleted: int


class DeleteFacts:
    """Forget one fact or everything about a user; afterwards nothing of it is found.

    Collections of former embedders are cleared as well, so that no re-index brings a forgotten fact back.
    """

    def __init__(self, store: FactStore, archive: FactArchive, locks: TenantLocks) -> None:
        self._store = store
        self._archive = archive
        self._locks = locks

    async def __call__(self, scope: TenantScope) -> Deleted:
        """Forget everything about the user. A user without facts gives 0."""
        async with self._locks.of(scope):
            await self._archive.forget(scope)
            return Deleted(deleted=await self._store.delete_all(scope))

    async def one(self, scope: TenantScope, fact_id: str) -> Deleted:
        """Forget one fact. Raises NotFound."""
        async with self._locks.of(scope):
            await self._archive.forget(scope, [fact_id])
            deleted = await self._store.delete(scope, [fact_id])
        if not deleted:
            raise NotFound("this user has no fact with this id")
        return Deleted(deleted=deleted)
