"""How many retries a dependency may be sent: a share of its calls, so that an outage is not made worse.

After "Handling Overload" in Google's SRE book: retries stay below a tenth of the calls. A small reserve,
which fills up slowly, lets a service with few calls retry too.
"""

import time
from collections.abc import Callable
from typing import Final

_SHARE: Final = 0.1
_RESERVE: Final = 5.0
_PER_SECOND: Final = 0.1


class RetryBudget:
    """A token bucket: a call puts `share` of a token in, a retry or a fallback takes one out.

    It holds `reserve` tokens at most, has them at the start, and gets `per_second` besides.
    """

    def __init__(
        self,
        share: float = _SHARE,
        reserve: float = _RESERVE,
        per_second: float = _PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share = share
        self._reserve = reserve
        self._per_second = per_second
        self._clock = clock
        self._tokens = reserve
        self._filled_at = clock()

    def called(self) -> None:
        """Count a call."""
        self._tokens = min(self._tokens + self._share, self._reserve)

    def spend(self) -> bool:
        """Take the token of one retry; whether there was one."""
        now = self._clock()
        filled = self._tokens + (now - self._filled_at) * self._per_second
        self._tokens, self._filled_at = min(filled, self._reserve), now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
