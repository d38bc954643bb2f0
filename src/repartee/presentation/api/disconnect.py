"""Work that ends when the client goes away.

A server that keeps calling its model for a client who has left pays for nothing. Both helpers watch the raw
connection while they work; the body must have been read before.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from repartee.domain.errors import ReparteeError

T = TypeVar("T")


class ClientLeft(Exception):
    """The client closed the connection; there is nobody to answer."""


async def unless_client_leaves(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`, or cancel it and raise ClientLeft once the connection is closed."""
    task = asyncio.ensure_future(work)
    watcher = asyncio.ensure_future(_closed(request.receive))
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


class EventStream(Response):
    """Server-sent events, sent as they come; closing the connection closes the source of them.

    What the source raises before its first event is answered as `failure` says, with a status of its own.
    """

    media_type = "text/event-stream"

    def __init__(
        self, events: AsyncGenerator[bytes, None], failure: Callable[[ReparteeError], Response]
    ) -> None:
        super().__init__(headers={"cache-control": "no-cache", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._failure = failure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until they end or the client leaves."""
        sender = asyncio.ensure_future(self._sent(scope, receive, send))
        watcher = asyncio.ensure_future(_closed(receive))
        try:
            await asyncio.wait({sender, watcher}, return_when=asyncio.FIRST_COMPLETED)
            if sender.done() and not sender.cancelled():
                sender.result()
        finally:
            watcher.cancel()
            if not sender.done():
                sender.cancel()
            await asyncio.gather(sender, watcher, return_exceptions=True)

    async def _sent(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._events) as events:
            try:
                first = await anext(events)
            except ReparteeError as error:
                await self._failure(error)(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": first, "more_body": True})
            async for event in events:
                await send({"type": "http.response.body", "body": event, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _closed(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
