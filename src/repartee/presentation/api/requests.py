"""Around every request: an id, a size-free log line, counters, keys, and errors as problem documents."""

import hashlib
import hmac
import re
import time
import uuid
from collections.abc import Iterable
from typing import Final, Protocol

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from repartee.domain.errors import ReparteeError, Unauthorized
from repartee.presentation.api.errors import internal_problem_response, problem_response

_log = structlog.get_logger(__name__)
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_OPEN_PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})


class RequestTelemetry(Protocol):
    """Counts HTTP requests."""

    def request_started(self) -> None:
        """Count a request in."""

    def request_finished(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request out; `route` is a pattern."""

    def exposition(self) -> bytes:
        """Return every counter in Prometheus' text format."""
        ...


class ApiKeys:
    """The keys that open the door, kept as digests and compared in constant time. No keys: always open."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = [hashlib.sha256(key.encode()).digest() for key in keys]

    def check(self, headers: Headers) -> None:
        """Raise Unauthorized unless `Authorization: Bearer KEY` or `X-API-Key: KEY` holds one of the keys."""
        if not self._digests:
            return
        given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        digest = hashlib.sha256(given.encode("latin-1")).digest()
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        if not any(matches):
            raise Unauthorized("send a valid key as `Authorization: Bearer KEY` or `X-API-Key: KEY`")


class RequestScope:
    """ASGI middleware: the outermost one, so that nothing can fail outside of it."""

    def __init__(self, app: ASGIApp, keys: ApiKeys, telemetry: RequestTelemetry) -> None:
        self._app = app
        self._keys = keys
        self._telemetry = telemetry

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
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        self._telemetry.request_started()
        try:
            await self._served(scope, receive, send_with_id, headers, request_id)
        except Exception:
            _log.exception("request failed")
            if status:
                raise
            await internal_problem_response(request_id)(scope, receive, send_with_id)
        finally:
            self._finished(scope, status, time.perf_counter() - started)
            structlog.contextvars.unbind_contextvars("request_id")

    async def _served(
        self, scope: Scope, receive: Receive, send: Send, headers: Headers, request_id: str
    ) -> None:
        try:
            if scope["path"] not in _OPEN_PATHS:
                self._keys.check(headers)
        except ReparteeError as error:
            await problem_response(error, request_id)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _finished(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "(none)")
        self._telemetry.request_finished(route, scope["method"], status, seconds)
        if route not in _OPEN_PATHS:
            _log.info(
                "request",
                method=scope["method"],
                route=route,
                status=status or "client left",
                ms=round(seconds * 1_000, 2),
            )
