"""Around every request: an id, a size-free log line, counters, keys, and errors as problem documents."""

import hashlib
import hmac
import re
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, Protocol
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from repartee.domain.errors import Forbidden, RateLimited, ReparteeError, Unauthorized
from repartee.presentation.api.admission import Admission, Places
from repartee.presentation.api.errors import internal_problem_response, problem_response
from repartee.presentation.api.openai_door.errors import spoken_at
from repartee.presentation.api.own_user import refuse_others

_log = structlog.get_logger(__name__)
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104  # a name, not an address to listen on
_OPEN_PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})


class RequestTelemetry(Protocol):
    """Counts HTTP requests."""

    def request_started(self) -> None:
        """Count a request in."""

    def request_finished(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request out; `route` is a pattern."""

    def request_shed(self, reason: str) -> None:
        """Count a request that was turned away; `reason` is from a closed list."""

    def requests_queued(self, count: int) -> None:
        """Show how many requests wait for a place."""

    def exposition(self) -> bytes:
        """Return every counter in Prometheus' text format."""
        ...


Fields = Sequence[tuple[bytes, bytes]]


class Rates(Protocol):
    """How often a key may ask."""

    async def spend(self, key: str) -> Fields:
        """Count one request and return header fields about what is left. Raises RateLimited."""
        ...


class Door:
    """Who may come in.

    With keys: whoever has one; they are kept as digests and compared in constant time. A key of `user_keys`
    opens one user only. Without keys: programs on this machine, but not web pages of others that a browser on
    it happens to show; so `Host` must name this machine, and `Origin` too or be one of `origins`.
    `open_to_all` leaves it to a gateway in front.
    """

    def __init__(
        self,
        keys: Iterable[str],
        *,
        user_keys: Mapping[str, str] | None = None,
        open_to_all: bool = False,
        origins: Collection[str] = (),
    ) -> None:
        owners = {**(user_keys or {}), **dict.fromkeys(keys)}
        self._owners = {hashlib.sha256(key.encode()).digest(): owner for key, owner in owners.items()}
        self._open_to_all = open_to_all
        self.origins = tuple(origins)

    @property
    def has_keys(self) -> bool:
        """Whether a key is needed."""
        return bool(self._owners)

    def check(self, headers: Headers) -> str | None:
        """Return the one user whom the caller may see, None for all. Raises Unauthorized, or Forbidden."""
        if self._owners:
            return self._owner(headers)
        if not self._open_to_all:
            self._check_machine(headers)
        return None

    def _owner(self, headers: Headers) -> str | None:
        digest = _digest_of_key(headers)
        owners = [owner for known, owner in self._owners.items() if hmac.compare_digest(digest, known)]
        if not owners:
            raise Unauthorized("send a valid key as `Authorization: Bearer KEY` or `X-API-Key: KEY`")
        return owners[0]

    def _check_machine(self, headers: Headers) -> None:
        origin = headers.get("origin")
        if origin in self.origins:
            origin = None
        hosts = [f"//{headers.get('host', 'localhost')}", *([origin] if origin else [])]
        if not all(_names_this_machine(host) for host in hosts):
            raise Forbidden(
                "without keys only this machine is served: set REPARTEE_API__KEYS, or "
                "REPARTEE_API__ALLOW_ANONYMOUS=true where a gateway checks callers"
            )


def _digest_of_key(headers: Headers) -> bytes:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    given = headers.get("x-api-key") or (token.strip() if scheme.lower() == "bearer" else "")
    return hashlib.sha256(given.encode("latin-1")).digest()


def _names_this_machine(url: str) -> bool:
    try:
        return urlsplit(url).hostname in _THIS_MACHINE
    except ValueError:
        return False


class RequestScope:
    """ASGI middleware: the outermost one, so that nothing can fail outside of it."""

    def __init__(
        self,
        app: ASGIApp,
        door: Door,
        telemetry: RequestTelemetry,
        open_paths: frozenset[str] = frozenset(),
        places: Places | None = None,
        rates: Rates | None = None,
        is_draining: Callable[[], bool] = bool,
    ) -> None:
        self._admission = Admission(places or Places(), telemetry.request_shed, telemetry.requests_queued)
        self._rates = rates
        self._is_draining = is_draining
        self._app = app
        self._door = door
        self._telemetry = telemetry
        self._open_paths = _OPEN_PATHS | open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given_id = headers.get("x-request-id", "")
        request_id = given_id if _REQUEST_ID.fullmatch(given_id) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status = 0
        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                fields = MutableHeaders(scope=message)
                fields["x-request-id"] = request_id
                if self._is_draining():
                    fields["connection"] = "close"
            await send(message)

        self._telemetry.request_started()
        try:
            await self._served(scope, receive, send_with_id, headers, request_id)
        except ClientDisconnect:
            status = 0
        except Exception:
            _log.exception("request failed")
            if status:
                raise
            response = spoken_at(scope["path"], internal_problem_response(request_id))
            await response(scope, receive, send_with_id)
        finally:
            self._finished(scope, status, time.perf_counter() - started)
            structlog.contextvars.unbind_contextvars("request_id")

    async def _served(
        self, scope: Scope, receive: Receive, send: Send, headers: Headers, request_id: str
    ) -> None:
        if scope["path"] in self._open_paths:
            scope["state"]["own_user"] = None
            await self._app(scope, receive, send)
            return
        try:
            scope["state"]["own_user"] = self._entered(scope, headers)
            if self._rates:
                send = _adding(await self._spent(self._rates, headers), send)
            await self._admission.enter()
        except ReparteeError as error:
            response = spoken_at(scope["path"], problem_response(error, request_id))
            response.raw_headers.extend(getattr(error, "fields", ()))
            await response(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._admission.leave()

    async def _spent(self, rates: Rates, headers: Headers) -> Fields:
        try:
            return await rates.spend(_digest_of_key(headers).hex())
        except RateLimited:
            self._telemetry.request_shed("rate_limit")
            raise

    def _entered(self, scope: Scope, headers: Headers) -> str | None:
        own_user = self._door.check(headers)
        if own_user is not None:
            refuse_others(scope["path"], own_user)
        return own_user

    def _finished(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "(none)")
        self._telemetry.request_finished(route, scope["method"], status, seconds)
        if scope["path"] not in self._open_paths:
            _log.info(
                "request",
                method=scope["method"],
                route=route,
                status=status or "client left",
                ms=round(seconds * 1_000, 2),
            )


def _adding(fields: Fields, send: Send) -> Send:
    async def send_with_fields(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *fields]
        await send(message)

    return send_with_fields
