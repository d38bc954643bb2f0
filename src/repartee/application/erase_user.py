"""Forget a person altogether."""

from typing import Final

from pydantic import BaseModel

from repartee.application.delete_facts import DeleteFacts
from repartee.application.export_user import ExportUser
from repartee.application.ports import EventLog
from repartee.domain.errors import Conflict
from repartee.domain.fact import TenantScope

_ROUNDS: Final = 2


class Erased(BaseModel):
    """How many facts and events there were and are no more."""

    facts: int
    events: int


class EraseUser:
    """Erase everything that is stored about a user: facts, recorded replies, and the feedback on them.

    Facts go from every embedder's collection. Afterwards it is looked again, and what came in the meantime is
    erased as well; if there is still something, that is an error. Erasing again is safe.
    """

    def __init__(self, delete_facts: DeleteFacts, export_user: ExportUser, events: EventLog) -> None:
        self._delete_facts = delete_facts
        self._export_user = export_user
        self._events = events

    async def __call__(self, scope: TenantScope) -> Erased:
        """Return what was erased. Raises Conflict, UpstreamError, and OSError where the log fails."""
        facts = events = 0
        for _ in range(_ROUNDS):
            facts += len(await self._export_user.facts(scope))
            await self._delete_facts(scope)
            events += await self._events.forget(scope.user_id)
            if not await self._left(scope):
                return Erased(facts=facts, events=events)
        raise Conflict("this user's data keeps coming in: stop the requests for this user, then erase again")

    async def _left(self, scope: TenantScope) -> bool:
        return bool(await self._export_user.facts(scope)) or bool(await self._export_user.events(scope))
