"""How often a key may ask, counted in a sliding window in this process."""

import math
import time
from typing import Self

from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from repartee.domain.errors import ConfigurationError, RateLimited

Fields = list[tuple[bytes, bytes]]


class TooManyRequests(RateLimited):
    """The key has used its allowance up; `fields` are the header fields that say so."""

    def __init__(self, seconds: int, fields: Fields) -> None:
        super().__init__("this key has asked as often as it may: wait as long as Retry-After says", seconds)
        self.fields = fields


class KeyRates:
    """Limits such as `60/minute; 1000/hour`, each of them for every key."""

    def __init__(self, limits: list[RateLimitItem]) -> None:
        self._limits = sorted(limits, key=lambda limit: limit.amount / limit.get_expiry())
        self._strategy = SlidingWindowCounterRateLimiter(MemoryStorage())

    @classmethod
    def of(cls, text: str) -> Self:
        """Read the limits. Raises ConfigurationError."""
        try:
            return cls(parse_many(text))
        except ValueError:
            raise ConfigurationError(
                "REPARTEE_API__KEY_RATE must look like 60/minute or 60/minute; 1000/hour"
            ) from None

    async def spend(self, key: str) -> Fields:
        """Count one request of the key and return what is left as header fields. Raises TooManyRequests."""
        for limit in self._limits:
            if not await self._strategy.hit(limit, key):
                seconds, fields = await self._left(limit, key)
                raise TooManyRequests(seconds, fields)
        return (await self._left(self._limits[0], key))[1]

    async def _left(self, limit: RateLimitItem, key: str) -> tuple[int, Fields]:
        """Return the seconds until the window is over, and the fields of the IETF's draft on RateLimit."""
        stats = await self._strategy.get_window_stats(limit, key)
        seconds = max(1, math.ceil(stats.reset_time - time.time()))
        return seconds, [
            (b"ratelimit-policy", b'"key";q=%d;w=%d' % (limit.amount, limit.get_expiry())),
            (b"ratelimit", b'"key";r=%d;t=%d' % (stats.remaining, seconds)),
        ]
