"""How many calls an endpoint gets at once: found out from its answers, never above what was allowed.

The limit starts at `start` and grows by one with every answer (it doubles in one answer's time) until the
endpoint says 429. Then it is halved, once for all calls that were in flight together, and the calls that
the endpoint still held are remembered as its ceiling. The way back to the ceiling is again one per answer.
Beyond it the limit asks for more carefully: one more after the answers of several full windows, twice as
many each time that goes well; each 429 doubles the windows until the next try, so that an endpoint with a
fixed limit is kept busy rather than refused. Only a limit that is used up grows.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import inf
from typing import Final

_MOST_WINDOWS: Final = 64
_LONGEST_PAUSE: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Concurrency:
    """Calls in flight at one endpoint: at first and at most."""

    start: int = 16
    cap: int = 64

    def __post_init__(self) -> None:
        if not 1 <= self.start <= self.cap:
            raise ValueError("concurrency: start must be at least 1 and at most the cap")


class AdaptiveLimit:
    """The rule alone, without waiting: what happened goes in, `limit` and `in_flight` come out."""

    def __init__(self, concurrency: Concurrency) -> None:
        self.limit = concurrency.start
        self.in_flight = 0
        self._cap = concurrency.cap
        self._ceiling = inf
        self._step = 1
        self._windows = 2
        self._answers = 0
        self._sent = 0
        self._halved_at = 0

    @property
    def open(self) -> bool:
        """Whether one more call may be in flight."""
        return self.in_flight < self.limit

    def sent(self) -> int:
        """Learn that a call goes out now, and return its number."""
        self._sent += 1
        return self._sent

    def answered(self) -> None:
        """Learn that a call, still in flight, was answered."""
        if self.in_flight < self.limit or self.limit >= self._cap:
            return
        if self.limit < self._ceiling:
            self.limit += 1
            return
        self._answers += 1
        if self._answers >= self._windows * self.limit:
            self.limit = min(self._cap, self.limit + self._step)
            self._ceiling = self.limit
            self._step *= 2
            self._answers = 0

    def refused(self, number: int) -> None:
        """Learn that the call with this number, still in flight, got 429."""
        held = max(1, self.in_flight - 1)
        if number <= self._halved_at:
            self._ceiling = max(self.limit, min(self._ceiling, held))
            return
        self._halved_at = self._sent
        self._ceiling = held
        self.limit = max(1, self.limit // 2)
        self._step = 1
        self._answers = 0
        self._windows = min(_MOST_WINDOWS, self._windows * 2)


class Gate:
    """Lets as many calls of one endpoint through as its limit says, and none while it asked for a pause."""

    def __init__(
        self,
        concurrency: Concurrency,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.adaptive = AdaptiveLimit(concurrency)
        self._clock = clock
        self._sleep = sleep
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._paused_until = -inf

    @property
    def pause_left(self) -> float:
        """Seconds until the next call may be sent."""
        return max(0.0, self._paused_until - self._clock())

    def pause(self, seconds: float) -> None:
        """Send nothing for so long, an hour at most; a longer pause that was asked for earlier stays."""
        self._paused_until = max(self._paused_until, self._clock() + min(seconds, _LONGEST_PAUSE))

    async def enter(self) -> int:
        """Wait for a place, in the order of coming, and for the end of a pause; return the call's number."""
        await self._place()
        try:
            while (left := self.pause_left) > 0:
                await self._sleep(left)
        except BaseException:
            self.leave()
            raise
        return self.adaptive.sent()

    def leave(self) -> None:
        """Give the place back."""
        self.adaptive.in_flight -= 1
        self._admit()

    async def _place(self) -> None:
        if self.adaptive.open and not self._waiting:
            self.adaptive.in_flight += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # admitted and cancelled at once
                self.leave()
            raise

    def _admit(self) -> None:
        while self._waiting and self.adaptive.open:
            place = self._waiting.popleft()
            if not place.done():
                self.adaptive.in_flight += 1
                place.set_result(None)
