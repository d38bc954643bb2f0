"""Work that ends when the client goes away.

A server that keeps calling its model for a client who has left pays for nothing. Both helpers watch the raw
connection while they work; the body must have been read before. Our own protocol tells when a connection is
lost; under another server a task waits for it, which costs more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from repartee.domain.errors import ReparteeError

T = TypeVar("T")

CONNECTION: Final = "repartee.connection"


class ClientLeft(Exception):
    """The client closed the connection; there is nobody to answer."""


class Connection(Protocol):
    """What our protocol puts into the scope's extensions as CONNECTION."""

    on_lost: Callable[[], object] | None
    """Called once when the connection is lost; belongs to the request that is being answered."""

    def is_lost(self) -> bool:
        """Whether it is closed."""
        ...


async def unless_client_leaves(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`, or cancel it and raise ClientLeft once the connection is closed."""
    return await _unless_left(request.scope, request.receive, work)


async def _unless_left(scope: Scope, receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    connection: Connection | None = scope.get("extensions", {}).get(CONNECTION)
    if connection is None:
        return await _unless_closed(receive, work)
    return await _unless_lost(connection, work)


async def _unless_lost(connection: Connection, work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    if connection.is_lost() or task is None:
        work.close()
        raise ClientLeft
    connection.on_lost = task.cancel
    try:
        return await work
    except asyncio.CancelledError:
        if connection.is_lost() and task.uncancel() == 0:
            raise ClientLeft from None
        raise
    finally:
        connection.on_lost = None


async def _unless_closed(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(work)
    watcher = asyncio.ensure_future(_closed(receive))
    try:
        await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientLeft
    finally:
        watcher.cancel()
        if not task.done():
            task.cancel()
        await asyncio.gather(task, watcher, return_exceptions=True)


Write = Callable[[bytes], Awaitable[None]]
"""Takes what is to be sent next."""


class EventStream(Response):
    """Server-sent events, sent as they come; closing the connection ends the source of them.

    The source is given a function to write with. What it raises before it has written anything is answered
    as `failure` says, with a status of its own.
    """

    media_type = "text/event-stream"

    def __init__(
        self, source: Callable[[Write], Awaitable[None]], failure: Callable[[ReparteeError], Response]
    ) -> None:
        super().__init__(headers={"cache-control": "no-cache", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._source = source
        self._failure = failure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until they end or the client leaves."""
        with suppress(ClientLeft):
            await _unless_left(scope, receive, self._sent(scope, receive, send))

    async def _sent(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Body(self, send)
        try:
            await self._source(body.write)
            await body.end()
        except ReparteeError as error:
            if body.begun:
                raise
            await self._failure(error)(scope, receive, send)


class _Body:
    """The answer as it is written, one part after the other, whoever writes.

    A part that could not be sent to its end, because the client does not read and the time was over, is the
    last: another would wait as long.
    """

    def __init__(self, response: Response, send: Send) -> None:
        self._response = response
        self._send = send
        self._turn = asyncio.Lock()
        self._is_cut = False
        self.begun = False

    async def write(self, data: bytes) -> None:
        """Send the next part. Raises ClientLeft where the one before it was cut."""
        begins, self.begun = not self.begun, True
        async with self._turn:
            if self._is_cut:
                raise ClientLeft
            self._is_cut = True
            if begins:
                headers = self._response.raw_headers
                await self._send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
            self._is_cut = False

    async def end(self) -> None:
        """Send the end."""
        if not self.begun:
            await self.write(b"")
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def _closed(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
