"""How many requests are worked on at once, and how many may wait: the rest is turned away quickly.

A service that takes every request answers all of them too late. Here a request gets a place, waits a moment
for one, or gets 503 with `Retry-After`. A place is held until the answer has been sent, so a stream holds one
to its end.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from repartee.domain.errors import Overloaded

_COME_AGAIN_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Places:
    """`in_flight` requests at once; `queue` more may wait, `wait_seconds` each."""

    in_flight: int = 512
    queue: int = 128
    wait_seconds: float = 0.25


class Admission:
    """Gives out places, in order of arrival. `on_shed` hears why a request got none, `on_queue` who waits."""

    def __init__(
        self, places: Places, on_shed: Callable[[str], None], on_queue: Callable[[int], None]
    ) -> None:
        self._places = places
        self._on_shed = on_shed
        self._on_queue = on_queue
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Take a place, which `leave` gives back. Raises Overloaded."""
        if self._in_flight < self._places.in_flight:
            self._in_flight += 1
            return
        if len(self._waiting) >= self._places.queue:
            self._on_shed("queue_full")
            raise _overloaded()
        await self._queued()

    def leave(self) -> None:
        """Hand the place to whoever waits longest, or free it."""
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self._in_flight -= 1

    async def _queued(self) -> None:
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._on_queue(len(self._waiting))
        try:
            await asyncio.wait([place], timeout=self._places.wait_seconds)
            if not place.done():
                self._on_shed("queue_wait")
                raise _overloaded()
        except asyncio.CancelledError:
            if place.done():
                self.leave()
            raise
        finally:
            place.cancel()
            with suppress(ValueError):
                self._waiting.remove(place)
            self._on_queue(len(self._waiting))


def _overloaded() -> Overloaded:
    return Overloaded("the service has no place free: try again in a moment", _COME_AGAIN_SECONDS)
