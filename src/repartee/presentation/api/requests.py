"""Around every request: an id, a size-free log line, counters, keys, and errors as problem documents."""

import os
import re
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from repartee.domain.errors import RateLimited, ReparteeError
from repartee.presentation.api.admission import Admission, Places
from repartee.presentation.api.door import Door, HeaderFields, digest_of_key, fields_of
from repartee.presentation.api.errors import internal_problem_response, problem_response
from repartee.presentation.api.openai_door.errors import spoken_at
from repartee.presentation.api.own_user import refuse_others

_log = structlog.get_logger(__name__)
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
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
        fields = fields_of(scope)
        given_id = fields.get(b"x-request-id", b"").decode("latin-1")
        request_id = given_id if _REQUEST_ID.fullmatch(given_id) else os.urandom(16).hex()
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status = 0
        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                added = [(b"x-request-id", request_id.encode())]
                if self._is_draining():
                    added.append((b"connection", b"close"))
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        self._telemetry.request_started()
        try:
            await self._served(scope, receive, send_with_id, fields, request_id)
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
        self, scope: Scope, receive: Receive, send: Send, fields: HeaderFields, request_id: str
    ) -> None:
        if scope["path"] in self._open_paths:
            scope["state"]["own_user"] = None
            await self._app(scope, receive, send)
            return
        try:
            scope["state"]["own_user"] = self._entered(scope, fields)
            if self._rates:
                send = _adding(await self._spent(self._rates, fields), send)
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

    async def _spent(self, rates: Rates, fields: HeaderFields) -> Fields:
        try:
            return await rates.spend(digest_of_key(fields).hex())
        except RateLimited:
            self._telemetry.request_shed("rate_limit")
            raise

    def _entered(self, scope: Scope, fields: HeaderFields) -> str | None:
        own_user = self._door.check(fields)
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
