"""One writer at a time per user, within this process.

What was read before a write may have changed while something was awaited in between: without a lock an edit
could bring a fact back that was deleted meanwhile. Replicas do not share these locks.
"""

import asyncio
from weakref import WeakValueDictionary

from repartee.domain.fact import TenantScope


class TenantLocks:
    """Hands out the lock of a tenant; it is forgotten when nobody holds or awaits it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[TenantScope, asyncio.Lock] = WeakValueDictionary()

    def of(self, scope: TenantScope) -> asyncio.Lock:
        """Return the tenant's lock."""
        lock = self._locks.get(scope)
        if lock is None:
            lock = self._locks[scope] = asyncio.Lock()
        return lock
