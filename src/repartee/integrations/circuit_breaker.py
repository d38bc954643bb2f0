"""A circuit breaker for one dependency: after many failures calls are refused at once, for a few seconds.

Closed: calls pass, and their outcomes are counted in a sliding window. Open: calls are refused until a pause
is over. Half-open: exactly one call passes as a probe; its success closes the circuit, its failure opens it
again. Cancelled calls, and answers that say the request was wrong, tell nothing about the dependency: they
are neutral. The clock is monotonic, so that a changed wall clock moves nothing.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from repartee.application.ports import CircuitState
from repartee.domain.errors import CircuitOpen

_BUCKETS: Final = 10


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """It opens when `failure_rate` of at least `least_calls` in `window_seconds` failed.

    It stays open for `open_seconds` and a random part of `jitter_seconds`, so that replicas do not probe at
    the same time.
    """

    failure_rate: float = 0.5
    least_calls: int = 20
    window_seconds: float = 10.0
    open_seconds: float = 5.0
    jitter_seconds: float = 1.0


class CircuitBreaker:
    """One per dependency. Every `admit` must be followed by `succeeded`, `failed` or `released`, once."""

    def __init__(
        self,
        dependency: str,
        on_change: Callable[[CircuitState], None],
        rules: BreakerRules | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._dependency = dependency
        self._on_change = on_change
        self._rules = rules or BreakerRules()
        self._clock = clock
        self._chance = chance
        self._width = self._rules.window_seconds / _BUCKETS
        self._state: CircuitState = "closed"
        self._era = 0
        self._open_until = 0.0
        self._probing = False
        self._clear()

    @property
    def state(self) -> CircuitState:
        """Where it stands now; an open circuit whose pause is over is half-open."""
        if self._state == "open" and self._clock() >= self._open_until:
            return "half_open"
        return self._state

    def admit(self) -> int:
        """Return the ticket of a call that may be made. Raises CircuitOpen."""
        if self._state == "closed":
            return self._era
        if refusal := self.refusal():
            raise refusal
        if self._state == "open":
            self._enter("half_open")
        self._probing = True
        return self._era

    def refusal(self) -> CircuitOpen | None:
        """Return the error that a call would get now, None where it would pass."""
        if self._state == "closed":
            return None
        left = self._open_until - self._clock()
        if left <= 0 and not self._probing:
            return None
        return CircuitOpen(
            f"{self._dependency} failed too often and is not called for a moment",
            self._dependency,
            max(left, 1.0),
        )

    def succeeded(self, ticket: int) -> None:
        """Count a call that the dependency answered."""
        if ticket != self._era:
            return
        if self._state == "half_open":
            self._enter("closed")
            self._clear()
            return
        self._count(failed=False)

    def failed(self, ticket: int) -> None:
        """Count a call that the dependency failed."""
        if ticket != self._era:
            return
        if self._state == "half_open":
            self._open()
            return
        self._count(failed=True)

    def released(self, ticket: int) -> None:
        """Count nothing: the call was cancelled, or the request was at fault. The next one may probe."""
        if ticket == self._era:
            self._probing = False

    def _count(self, *, failed: bool) -> None:
        now = int(self._clock() / self._width)
        place = now % _BUCKETS
        if self._periods[place] != now:
            self._periods[place], self._calls[place], self._failures[place] = now, 0, 0
        self._calls[place] += 1
        if failed:
            self._failures[place] += 1
            self._last_failure = now
        if now - self._last_failure < _BUCKETS and self._is_bad(now):
            self._open()

    def _is_bad(self, now: int) -> bool:
        recent = [place for place in range(_BUCKETS) if now - self._periods[place] < _BUCKETS]
        calls = sum(self._calls[place] for place in recent)
        failures = sum(self._failures[place] for place in recent)
        return calls >= self._rules.least_calls and failures >= self._rules.failure_rate * calls

    def _open(self) -> None:
        self._open_until = (
            self._clock() + self._rules.open_seconds + self._rules.jitter_seconds * self._chance()
        )
        self._enter("open")

    def _enter(self, state: CircuitState) -> None:
        """Change the state. Tickets of calls from before count no longer."""
        self._state = state
        self._era += 1
        self._probing = False
        self._on_change(state)

    def _clear(self) -> None:
        self._periods = [-_BUCKETS] * _BUCKETS
        self._calls = [0] * _BUCKETS
        self._failures = [0] * _BUCKETS
        self._last_failure = -_BUCKETS
