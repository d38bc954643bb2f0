"""The one policy for calls that leave the process: attempts, deadlines, error translation.

Adapters call `Upstream.call` and translate their vendor's errors with `error_for_status`; they do not retry,
time out or classify on their own. Two attempts at most. A retry waits as long as the upstream asked
(`Retry-After`) or a random 0.1 to 0.5 s, and is not started when that wait would pass the request's deadline.
"""

import asyncio
import email.utils
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final, TypeVar

import aiohttp
import orjson
import tenacity

from repartee.application.deadline import seconds_left
from repartee.application.ports import Telemetry
from repartee.domain.errors import (
    UpstreamError,
    UpstreamInvalid,
    UpstreamMisconfigured,
    UpstreamModerated,
    UpstreamOutOfCredits,
    UpstreamRateLimited,
    UpstreamRefusedRequest,
    UpstreamTimeout,
    UpstreamTransient,
    UpstreamUnavailable,
    UpstreamUnreachable,
)

MAX_REPLY_BYTES: Final = 4 * 1024 * 1024
_RETRY_AFTER_CAP: Final = 60.0

T = TypeVar("T")


def retry_after_seconds(
    header: str | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> float | None:
    """Return the wait that a `Retry-After` header asks for (seconds or HTTP date), None where it is unusable."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (email.utils.parsedate_to_datetime(header) - now()).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(seconds, 0.0) if isfinite(seconds) else None


def error_for_status(
    dependency: str, status: int, headers: Mapping[str, str] | None = None, *, moderated: bool = False
) -> UpstreamError:
    """Return the error that an HTTP status from `dependency` means. The body is never quoted: it may hold user text."""
    retry_after = retry_after_seconds((headers or {}).get("retry-after"))
    message = f"{dependency} answered {status}"
    if moderated:
        return UpstreamModerated(f"{dependency} refused the content ({status})", dependency)
    match status:
        case 402:
            return UpstreamOutOfCredits(f"{message}: the account has no credits", dependency)
        case 401 | 403:
            return UpstreamMisconfigured(f"{message}: check the API key and its permissions", dependency)
        case 404:
            return UpstreamMisconfigured(f"{message}: check the base URL and the model name", dependency)
        case 429:
            return UpstreamRateLimited(f"{message}: too many requests", dependency, retry_after)
        case 408:
            return UpstreamTimeout(message, dependency, retry_after)
    if status >= 500:
        return UpstreamUnavailable(message, dependency, retry_after)
    if 300 <= status < 400:
        return UpstreamMisconfigured(f"{message}: redirects are not followed, set the final URL", dependency)
    if status >= 400:
        return UpstreamRefusedRequest(f"{message}: it does not accept this request", dependency)
    return UpstreamInvalid(f"{message}, which is not an answer", dependency)


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, UpstreamError) else None
    return asked if asked is not None else tenacity.wait_random(0.1, 0.5)(state)


def _worth_a_retry(state: tenacity.RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, UpstreamTransient):
        return False
    wait = error.retry_after or 0.0
    left = seconds_left()
    return wait <= _RETRY_AFTER_CAP and (left is None or wait < left)


class Upstream:
    """One dependency, seen by its adapter: every call goes through `call` and is counted."""

    def __init__(self, dependency: str, telemetry: Telemetry, attempts: int = 2) -> None:
        self.dependency = dependency
        self._telemetry = telemetry
        self._attempts = attempts

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Run `attempt`, once more where a retry may help. Raises UpstreamError; cancellation passes through."""
        try:
            return await self._observed(attempt)
        except UpstreamTransient as first:
            if self._attempts == 1:
                raise
            return await self._again(attempt, first)

    async def _again(self, attempt: Callable[[], Awaitable[T]], first: UpstreamTransient) -> T:
        pending: list[UpstreamTransient] = [first]

        async def replayed_first() -> T:
            if pending:
                raise pending.pop()
            return await self._observed(attempt)

        retrying = tenacity.AsyncRetrying(
            retry=_worth_a_retry, wait=_wait, stop=tenacity.stop_after_attempt(self._attempts), reraise=True
        )
        return await retrying(replayed_first)

    async def _observed(self, attempt: Callable[[], Awaitable[T]]) -> T:
        started = time.monotonic()
        try:
            result = await attempt()
        except UpstreamError as error:
            self._telemetry.upstream(self.dependency, error.code, time.monotonic() - started)
            raise
        self._telemetry.upstream(self.dependency, "ok", time.monotonic() - started)
        return result

    @asynccontextmanager
    async def translated(self) -> AsyncIterator[None]:
        """Translate connection and time-out errors of aiohttp and asyncio raised inside the block."""
        try:
            yield
        except (aiohttp.ServerTimeoutError, TimeoutError) as error:
            raise UpstreamTimeout(f"{self.dependency} did not answer in time", self.dependency) from error
        except aiohttp.ClientPayloadError as error:
            raise UpstreamInvalid(f"{self.dependency} broke off its answer", self.dependency) from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamUnreachable(f"{self.dependency} cannot be reached", self.dependency) from error


def checked_vectors(dependency: str, rows: Any, count: int, dimension: int) -> list[list[float]]:
    """Return `rows` as `count` finite vectors of `dimension` floats. Raises UpstreamInvalid."""
    if not isinstance(rows, list) or len(rows) != count:
        raise UpstreamInvalid(f"{dependency} did not return one vector per text", dependency)
    for row in rows:
        if not isinstance(row, list) or len(row) != dimension:
            raise UpstreamInvalid(
                f"{dependency} returned vectors of another size than {dimension}", dependency
            )
        if not all(isinstance(value, int | float) and isfinite(value) for value in row):
            raise UpstreamInvalid(f"{dependency} returned numbers that are not finite", dependency)
    return rows


class JsonHttp:
    """JSON over POST to one upstream: no redirects, no environment proxies, bounded replies, strict reading."""

    def __init__(
        self, upstream: Upstream, base_url: str, headers: Mapping[str, str], attempt_timeout: float
    ) -> None:
        self._upstream = upstream
        self._base_url = base_url.rstrip("/")
        self._headers = {"content-type": "application/json", "accept-encoding": "identity", **headers}
        self._timeout = aiohttp.ClientTimeout(total=attempt_timeout, connect=min(2.0, attempt_timeout))
        self._session: aiohttp.ClientSession | None = None

    async def post(self, path: str, body: Any) -> Any:
        """Return the parsed JSON answer. Raises UpstreamError."""
        payload = orjson.dumps(body)
        return await self._upstream.call(lambda: self._attempt(path, payload))

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=self._timeout, trust_env=False
            )
        return self._session

    async def _attempt(self, path: str, payload: bytes) -> Any:
        name = self._upstream.dependency
        async with (
            self._upstream.translated(),
            self._open().post(
                self._base_url + path, data=payload, headers=self._headers, allow_redirects=False
            ) as response,
        ):
            if response.status != 200:
                raise error_for_status(name, response.status, response.headers)
            body = await bounded_body(name, response.content.iter_chunked(65_536))
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise UpstreamInvalid(f"{name} answered something that is not JSON", name) from error


async def bounded_body(dependency: str, chunks: AsyncIterator[bytes], limit: int = MAX_REPLY_BYTES) -> bytes:
    """Return the joined chunks. Raises UpstreamInvalid past `limit` bytes."""
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise UpstreamInvalid(f"{dependency} answered more than {limit} bytes", dependency)
    return bytes(body)
