"""The one policy for calls that leave the process: attempts, deadlines, bounds, error translation.

Adapters go through `Upstream.call` or `Upstream.stream` and translate their vendor's errors with
`error_for_status` and `error_for_failure`; they do not retry, time out or classify on their own. Two attempts
at most, or one for each model where there are fallbacks (three at most). A retry waits as long as the
upstream asked (`Retry-After`), at least a random 0.1 to 0.5 s; it is not started when that wait would pass
the request's deadline, nor when the retry budget is spent. An open circuit refuses every attempt.

Errors are raised `from None`: what a library puts into its exceptions (a document, a request's headers, a
provider's message) may hold a key or a user's words, and a traceback would carry it to the logs.
"""

import asyncio
import email.utils
import math
import random
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import aiohttp
import orjson
import tenacity
from aiohttp.http_exceptions import HttpProcessingError

from repartee.application.deadline import TimeLimit, is_over_within, seconds_given, seconds_left
from repartee.application.ports import RetryDecision, Telemetry
from repartee.domain.errors import (
    ConfigurationError,
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
from repartee.integrations.circuit_breaker import CircuitBreaker
from repartee.integrations.retry_budget import RetryBudget

MAX_REPLY_BYTES: Final = 4 * 1024 * 1024
KEEP_ALIVE_SECONDS: Final = 30.0
_CHUNK_BYTES: Final = 65_536
_RETRY_AFTER_CAP: Final = 60.0
_PAUSE: Final = (0.1, 0.5)

T = TypeVar("T")


# --- what a failure means -----------------------------------------------------------------------------


def retry_after_seconds(
    header: str | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> float | None:
    """Return the wait that a `Retry-After` header asks for (seconds or a date), None where it is unusable."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (email.utils.parsedate_to_datetime(header) - now()).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


_Meaning = tuple[type[UpstreamError], str]

_MEANING_OF_STATUS: Final[dict[int, _Meaning]] = {
    401: (UpstreamMisconfigured, ": check the API key and its permissions"),
    402: (UpstreamOutOfCredits, ": the account has no credits"),
    403: (UpstreamMisconfigured, ": check the API key and its permissions"),
    404: (UpstreamMisconfigured, ": check the base URL and the model name"),
    408: (UpstreamTimeout, ""),
    429: (UpstreamRateLimited, ": too many requests"),
}
_MEANING_OF_HUNDREDS: Final[dict[int, _Meaning]] = {
    3: (UpstreamMisconfigured, ": redirects are not followed, set the final URL"),
    4: (UpstreamRefusedRequest, ": it does not accept this request"),
    5: (UpstreamUnavailable, ""),
}
_MEANING_OF_CODE: Final[dict[str, _Meaning]] = {
    "insufficient_quota": (UpstreamOutOfCredits, ": the account has no credits"),
    "context_length_exceeded": (UpstreamRefusedRequest, ": the prompt is too long for the model"),
}
_STATUS_OF_CODE: Final = {
    "context_length_exceeded": 400,
    "invalid_request_error": 400,
    "invalid_api_key": 401,
    "insufficient_quota": 402,
    "model_not_found": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "server_error": 500,
    "overloaded_error": 529,
}
_MODERATION_CODES: Final = frozenset({"content_filter", "content_policy_violation", "moderation_blocked"})


def error_for_status(
    dependency: str, status: int, headers: Mapping[str, str] | None = None, *, detail: Any = None
) -> UpstreamError:
    """Return the error that an HTTP status from `dependency` means.

    `detail` is the `error` object of the body, where there is one: it tells moderation from a bad key, and an
    empty account from a rate limit. It is never quoted, for it may hold the user's words.
    """
    if _is_moderation(detail):
        return UpstreamModerated(f"{dependency} refused the content ({status})", dependency)
    kind, hint = (
        _MEANING_OF_CODE.get(_code(detail))
        or _MEANING_OF_STATUS.get(status)
        or _MEANING_OF_HUNDREDS.get(status // 100)
        or (UpstreamInvalid, ", which is not an answer")
    )
    retry_after = retry_after_seconds((headers or {}).get("retry-after"))
    return kind(f"{dependency} answered {status}{hint}", dependency, retry_after)


def reported_error(dependency: str, answer: Any) -> UpstreamError | None:
    """Return the error that an answer with status 200 reports in its `error` field, None where it is fine."""
    detail = answer.get("error") if isinstance(answer, dict) else None
    if not detail:
        return None
    code = _code(detail)
    status = int(code) if code.isdecimal() and len(code) == 3 else _STATUS_OF_CODE.get(code, 0)
    if status < 400 and not _is_moderation(detail):
        return UpstreamInvalid(f"{dependency} reported an error inside a 200", dependency)
    return error_for_status(dependency, status or 403, detail=detail)


def _code(detail: Any) -> str:
    """Return an error object's `code`, or its `type` where it has no code, as text."""
    if not isinstance(detail, dict):
        return ""
    code = detail.get("code") or detail.get("type")
    return str(code) if isinstance(code, str | int) else ""


def _is_moderation(detail: Any) -> bool:
    if _code(detail) in _MODERATION_CODES:
        return True
    metadata = detail.get("metadata") if isinstance(detail, dict) else None
    return isinstance(metadata, dict) and ("flagged_input" in metadata or "reasons" in metadata)


def error_for_failure(dependency: str, error: BaseException) -> UpstreamError:
    """Return what a failure below HTTP (aiohttp, sockets, TLS, time-outs) means."""
    match error:
        case TimeoutError():
            return UpstreamTimeout(f"{dependency} did not answer in time", dependency)
        case ssl.SSLError() | ssl.CertificateError() | aiohttp.ClientSSLError():
            return UpstreamMisconfigured(
                f"{dependency} offers no TLS connection that can be trusted: check its URL and certificate",
                dependency,
            )
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return UpstreamMisconfigured(f"{dependency} has no usable URL", dependency)
        case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError() | HttpProcessingError():
            return UpstreamInvalid(f"{dependency} broke off or garbled its answer", dependency)
        case aiohttp.ClientConnectorDNSError():
            return UpstreamUnreachable(
                f"{dependency} cannot be reached: its host name is unknown", dependency
            )
    return UpstreamUnreachable(f"{dependency} cannot be reached", dependency)


# --- attempts -----------------------------------------------------------------------------------------


class UnknownModel(UpstreamMisconfigured):
    """The server is there, the model is not."""


_ANOTHER_MODEL_MAY_HELP: Final = (UpstreamTransient, UpstreamRefusedRequest, UpstreamInvalid, UnknownModel)
_FAILURES: Final = (UpstreamUnreachable, UpstreamTimeout, UpstreamUnavailable)
"""What opens a circuit. Unreadable answers do not: a prompt that brings them about would shut others out."""


class Upstream:
    """One dependency, seen by its adapter: every attempt goes through here and is counted.

    Without a `breaker` every attempt is made, without a `budget` every retry that may help.
    """

    def __init__(
        self,
        dependency: str,
        telemetry: Telemetry,
        attempts: int = 2,
        breaker: CircuitBreaker | None = None,
        budget: RetryBudget | None = None,
    ) -> None:
        self.dependency = dependency
        self._telemetry = telemetry
        self._attempts = attempts
        self._breaker = breaker
        self._budget = budget

    async def call(self, attempt: Callable[[], Awaitable[T]], fallbacks: int = 0) -> T:
        """Run `attempt`, once more where a retry may help. Raises UpstreamError; passes cancellation on.

        With `fallbacks` it is run again for each of them instead, also after failures that only another model
        can mend; they do not wait for the time that the model before them asked for.
        """

        if self._budget:
            self._budget.called()
        try:
            return await self._counted(attempt)
        except UpstreamError as error:
            failure = error
        return await self._tried_again(partial(self._counted, attempt), failure, fallbacks)

    async def stream(
        self, attempt: Callable[[], AsyncGenerator[T, None]], first_within: float, fallbacks: int = 0
    ) -> AsyncGenerator[T, None]:
        """Yield what `attempt` yields; it yields at least once.

        What fails before the first item, or takes longer than `first_within` seconds to it, is tried again as
        a call is. Nothing is tried again after it. Closing this iterator closes the attempt's.
        """

        async def begun() -> tuple[T, AsyncGenerator[T, None], _Stopwatch]:
            items = attempt()
            with _Stopwatch(self.dependency, self._telemetry, self._breaker) as watch:
                async with self.translated(first_within):
                    first = await anext(items)
                watch.answered()
                return first, items, watch

        if self._budget:
            self._budget.called()
        try:
            first, items, watch = await begun()
        except UpstreamError as error:
            first, items, watch = await self._tried_again(begun, error, fallbacks)
        async with aclosing(items):
            with watch:
                yield first
                async for item in items:
                    yield item
                watch.done()

    async def _counted(self, attempt: Callable[[], Awaitable[T]]) -> T:
        watch = _Stopwatch(self.dependency, self._telemetry, self._breaker)
        try:
            result = await attempt()
        except BaseException as error:
            watch.failed(error)
            raise
        watch.done()
        return result

    async def _tried_again(
        self, attempt: Callable[[], Awaitable[T]], failure: UpstreamError, fallbacks: int
    ) -> T:
        """Enter the retry loop only after a first failure: it costs more than all else on the good path."""
        if not isinstance(failure, _ANOTHER_MODEL_MAY_HELP if fallbacks else UpstreamTransient):
            raise failure
        failures = [failure]

        async def failed_once() -> T:
            if failures:
                raise failures.pop()
            return await attempt()

        retries = _Retries(self.dependency, self._telemetry, self._budget, self._attempts, fallbacks)
        retrying = tenacity.AsyncRetrying(
            retry=retries.worth_it, wait=retries.wait, stop=tenacity.stop_never, reraise=True
        )
        try:
            return await retrying(failed_once)
        except UpstreamError as error:
            if error is retries.kept_waiting:
                raise _too_long(error) from None
            raise

    def translated(self, seconds: float | None = None) -> AbstractAsyncContextManager[None]:
        """Translate what aiohttp and asyncio raise inside the block, which may take `seconds`."""
        return _Translation(self.dependency, seconds)


class _Translation(AbstractAsyncContextManager[None]):
    """Written out because every call enters one: a generator's context costs twice as much.

    It takes no timer of its own where the request's deadline comes first anyway.
    """

    __slots__ = ("_dependency", "_limit", "_seconds")

    def __init__(self, dependency: str, seconds: float | None) -> None:
        self._dependency = dependency
        self._seconds = seconds
        self._limit: TimeLimit | None = None

    async def __aenter__(self) -> None:
        if self._seconds is not None and not is_over_within(self._seconds):
            self._limit = TimeLimit(self._seconds)
            self._limit.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._limit is not None and self._limit.end(kind):
            raise error_for_failure(self._dependency, TimeoutError()) from None
        if error is None:
            return
        if isinstance(error, aiohttp.ClientError | HttpProcessingError | OSError):
            raise error_for_failure(self._dependency, error) from None
        if isinstance(error, RuntimeError) and str(error) == "Connection closed.":
            # aiohttp's word for a body whose framing broke
            raise error_for_failure(self._dependency, aiohttp.ClientPayloadError()) from None


class _Retries:
    """Decides about one call's retries: whether there is another one, and after how long."""

    def __init__(
        self, dependency: str, telemetry: Telemetry, budget: RetryBudget | None, attempts: int, fallbacks: int
    ) -> None:
        self._dependency = dependency
        self._telemetry = telemetry
        self._budget = budget
        self._attempts = 1 + fallbacks if fallbacks else attempts
        self._falls_back = bool(fallbacks)
        self.kept_waiting: BaseException | None = None

    def worth_it(self, state: tenacity.RetryCallState) -> bool:
        """Whether to try again; says so to the telemetry where another attempt might have helped."""
        error = state.outcome.exception() if state.outcome else None
        helped = _ANOTHER_MODEL_MAY_HELP if self._falls_back else UpstreamTransient
        if not isinstance(error, helped) or state.attempt_number >= self._attempts:
            return False
        decision = self._decision(error, state.idle_for)
        self._telemetry.retried(self._dependency, decision)
        return decision in {"retry", "fallback"}

    def _decision(self, error: UpstreamError, waited: float) -> RetryDecision:
        asked = 0.0 if self._falls_back else error.retry_after or 0.0
        wait, left = max(asked, _PAUSE[1]), seconds_left()
        if waited + wait > _RETRY_AFTER_CAP or (left is not None and wait >= left):
            self.kept_waiting = error if asked else None
            return "too_long"
        if self._budget and not self._budget.spend():
            return "no_budget"
        return "fallback" if self._falls_back else "retry"

    def wait(self, state: tenacity.RetryCallState) -> float:
        """Return the seconds before the next attempt."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, UpstreamError) and not self._falls_back else None
        return max(asked or 0.0, random.uniform(*_PAUSE))


def _too_long(error: UpstreamError) -> UpstreamError:
    asked = math.ceil(error.retry_after or 0.0)
    words = f"{error.message}; it asks to wait {asked} s, longer than this request may take"
    return type(error)(words, error.dependency, error.retry_after)


class _Stopwatch:
    """Counts one attempt: `ok` once done, the error's code where it fails, nothing where it is cancelled.

    The circuit hears of it too. A deadline counts against a dependency that had at least half of its time:
    one that was asked late is not to blame.
    """

    __slots__ = ("_breaker", "_dependency", "_has_answered", "_started", "_telemetry", "_ticket")

    def __init__(self, dependency: str, telemetry: Telemetry, breaker: CircuitBreaker | None = None) -> None:
        self._dependency = dependency
        self._telemetry = telemetry
        self._breaker = breaker
        self._ticket = breaker.admit() if breaker else 0
        self._has_answered = False
        self._started = time.monotonic()

    def answered(self) -> None:
        """Note that the dependency works, though the attempt may go on."""
        if self._breaker and not self._has_answered:
            self._breaker.succeeded(self._ticket)
        self._has_answered = True

    def done(self) -> None:
        """Note the end of it."""
        if not self._has_answered:
            self.answered()
        self._count("ok")

    def failed(self, error: BaseException) -> None:
        """Note what ended it."""
        failed = isinstance(error, _FAILURES)
        if isinstance(error, UpstreamError):
            self._count(error.code)
        elif isinstance(error, asyncio.CancelledError) and (left := seconds_left()) is not None and left <= 0:
            self._count("deadline")
            failed = 2 * (time.monotonic() - self._started) >= (seconds_given() or 0.0)
        if self._breaker:
            (self._breaker.failed if failed else self._breaker.released)(self._ticket)

    def __enter__(self) -> "_Stopwatch":
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if error is not None:
            self.failed(error)

    def _count(self, outcome: str) -> None:
        self._telemetry.upstream(self._dependency, outcome, time.monotonic() - self._started)


# --- traces ------------------------------------------------------------------------------------------


_outgoing: list[aiohttp.TraceConfig] = []


def outgoing_traces() -> list[aiohttp.TraceConfig]:
    """Return what a new session of aiohttp is to tell of its requests: nothing, unless traces are on."""
    return list(_outgoing)


@contextmanager
def tracing_outgoing(config: aiohttp.TraceConfig) -> Iterator[None]:
    """Let sessions that are opened meanwhile tell this one of each request before it goes out."""
    _outgoing.append(config)
    try:
        yield
    finally:
        _outgoing.remove(config)


# --- reading what comes back --------------------------------------------------------------------------


async def bounded_body(dependency: str, chunks: AsyncIterator[bytes], limit: int = MAX_REPLY_BYTES) -> bytes:
    """Return the joined chunks. Raises UpstreamInvalid past `limit` bytes."""
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise UpstreamInvalid(f"{dependency} answered more than {limit} bytes", dependency)
    return bytes(body)


async def whole_body(dependency: str, response: aiohttp.ClientResponse) -> bytes:
    """Return the body, read at once where its head says that it is small. Raises UpstreamInvalid."""
    length = response.content_length
    if length is not None and length <= MAX_REPLY_BYTES:
        return await response.read()
    return await bounded_body(dependency, response.content.iter_chunked(_CHUNK_BYTES))


def refuse_encoding(dependency: str, headers: Mapping[str, str]) -> None:
    """Raise UpstreamInvalid for a compressed answer: none was asked for, and it may unpack to gigabytes."""
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UpstreamInvalid(f"{dependency} compressed its answer, which was not asked for", dependency)


def parsed_json(dependency: str, body: bytes) -> Any:
    """Return the parsed document. Raises UpstreamInvalid."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UpstreamInvalid(f"{dependency} answered something that is not JSON", dependency) from None


# --- what an operator configured ----------------------------------------------------------------------


def bearer(dependency: str, api_key: str | None) -> dict[str, str]:
    """Return the header that carries the key, none without one. Raises ConfigurationError."""
    if not api_key:
        return {}
    if not (api_key.isascii() and api_key.isprintable()) or " " in api_key:
        raise ConfigurationError(
            f"the API key of {dependency} holds characters that no key has: copy it again"
        )
    return {"authorization": f"Bearer {api_key}"}


def checked_base_url(dependency: str, url: str) -> str:
    """Return `url` without a trailing slash. Raises ConfigurationError where it is not one of a server."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(f"the base URL of {dependency} must look like https://host/path")
    return url.rstrip("/")
