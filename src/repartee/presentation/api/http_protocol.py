"""Uvicorn's HTTP protocol with bounds on request heads, which it has none of, and word of lost connections.

A head that is too large gets 431, one that does not arrive in time 408; a connection that says nothing at all
is closed. Bodies have bounds of their own.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from repartee.presentation.api.disconnect import CONNECTION

MOST_HEADERS: Final = 100
MOST_HEAD_BYTES: Final = 32_768
HEAD_SECONDS: Final = 10.0


class BoundedHttpProtocol(HttpToolsProtocol):
    """At most 100 header fields and 32 KiB in a head, which has ten seconds to arrive."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._in_head = False
        self._status = 400
        self._deadline: asyncio.TimerHandle | None = None
        self.on_lost: Callable[[], object] | None = None
        self._is_lost = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin to wait for a first head."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting, and say so to whoever answers a request of this connection."""
        self._settled()
        super().connection_lost(exc)
        self._is_lost = True
        if self.on_lost:
            self.on_lost()

    def is_lost(self) -> bool:
        """Whether the connection is closed."""
        return self._is_lost

    def data_received(self, data: bytes) -> None:
        """Read on; measure a head that goes on, and its time."""
        began_before = self._in_head
        super().data_received(data)
        if not self._in_head:
            if self._deadline and self.cycle is not None:
                self._settled()
            return
        self._head_bytes += len(data) if began_before else 0
        if self._head_bytes > MOST_HEAD_BYTES:
            self._refuse(431)
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: self}  # type: ignore[dict-item]  # an object, not a dict of options

    def on_headers_complete(self) -> None:
        """Refuse a head that is too large, else begin the request."""
        self._in_head = False
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if len(self.headers) > MOST_HEADERS or size > MOST_HEAD_BYTES:
            self._status = 431
            raise httptools.HttpParserError("the head is too large")
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's words for what it cannot read
        """Answer what cannot be read."""
        self._refuse(self._status)

    def _too_slow(self) -> None:
        self._deadline = None
        if self._in_head:
            self._refuse(408)
        elif not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, status: int) -> None:
        """Answer with a bare status and close; without one while an earlier answer is still under way."""
        self._settled()
        if self.transport.is_closing():
            return
        idle = self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first
        if idle:
            self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()

    def _settled(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
