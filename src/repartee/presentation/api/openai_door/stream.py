"""The answer as OpenAI's server-sent events: chunks, then `[DONE]`; comments while nothing comes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import orjson
import structlog
from starlette.responses import Response

from repartee.application.reply import Reply, ReplyDelta, ReplyEvent, ReplyStarted
from repartee.domain.errors import ReparteeError
from repartee.presentation.api.disconnect import ClientLeft, EventStream, Write
from repartee.presentation.api.errors import internal_problem, problem
from repartee.presentation.api.event_data import event_data
from repartee.presentation.api.openai_door.answers import (
    Order,
    about,
    about_started,
    finish_reason,
    headers_about,
    usage_of,
)
from repartee.presentation.api.openai_door.errors import error_of

_log = structlog.get_logger(__name__)

_SILENCE_SECONDS: Final = 5.0
_HEARTBEAT: Final = b": waiting for the model\n\n"
_DONE: Final = b"data: [DONE]\n\n"


class CompletionStream(EventStream):
    """The events of one answer.

    Nothing is sent before the model's first word or the first silence: what fails until then is answered with
    its own status. Later an error is an event with `error`, and the stream ends without `[DONE]`.
    """

    def __init__(self, order: Order, failure: Callable[[ReparteeError], Response]) -> None:
        super().__init__(self._write_events, failure)
        self._order = order

    async def _write_events(self, write: Write) -> None:
        request_id = self._order.request_id
        heard = _Heard(write)
        try:
            async with heard.filled_with_comments(_SILENCE_SECONDS):
                await self._order.stream(partial(self._emitted, _Chunks(self._order), heard))
        except ReparteeError as error:
            if not heard.begun:
                raise
            await write(_failed(problem(error, request_id)))
        except Exception as error:
            if isinstance(error, ClientLeft) or not heard.begun:
                raise
            _log.exception("stream failed")
            await write(_failed(internal_problem(request_id)))

    async def _emitted(self, chunks: "_Chunks", heard: "_Heard", place: int, event: ReplyEvent) -> None:
        if isinstance(event, ReplyStarted):
            self.headers.update(headers_about(event))
        await heard.write(b"".join(chunks.of(place, event)))


class _Heard:
    """What the client heard: whether anything, and when the last event came."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self.begun = False

    async def write(self, data: bytes) -> None:
        """Write what an event is to the client; it may be nothing."""
        self._last = self._loop.time()
        if data:
            self.begun = True
            await self._write(data)

    @asynccontextmanager
    async def filled_with_comments(self, seconds: float) -> AsyncIterator[None]:
        """Write a comment each time that nothing came for so long."""
        task = asyncio.create_task(self._comments(seconds))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _comments(self, seconds: float) -> None:
        while True:
            left = self._last + seconds - self._loop.time()
            if left > 0:
                await asyncio.sleep(left)
            else:
                await self.write(_HEARTBEAT)


class _Chunks:
    """Turns events into chunks. The first chunk and the last choice's last one say how it came about."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._started: ReplyStarted | None = None
        self._opened: set[int] = set()
        self._replies: dict[int, Reply] = {}

    def of(self, place: int, event: ReplyEvent) -> list[bytes]:
        """Return what an event is to the client."""
        if isinstance(event, ReplyStarted):
            self._started = event
            return []
        if isinstance(event, ReplyDelta):
            return [*self._opening(place), self._chunk(place, {"content": event.text})]
        self._replies[place] = event
        opening = self._opening(place)
        if len(self._replies) < self._order.count:
            return [*opening, self._chunk(place, {}, finish_reason(event))]
        return [*opening, *self._closing(place, event)]

    def _opening(self, place: int) -> list[bytes]:
        if place in self._opened:
            return []
        made: dict[str, Any] = {}
        if self._started and not self._opened:
            made["repartee"] = about_started(self._order, self._started).model_dump()
        self._opened.add(place)
        return [self._chunk(place, {"role": "assistant", "content": ""}, None, **made)]

    def _closing(self, place: int, reply: Reply) -> list[bytes]:
        replies = [self._replies[each] for each in range(self._order.count)]
        made = about(self._order, replies).model_dump()
        last = [self._chunk(place, {}, finish_reason(reply), repartee=made)]
        if self._order.with_usage:
            last.append(self._event([], usage=usage_of(replies).model_dump()))
        return [*last, _DONE]

    def _chunk(self, place: int, delta: dict[str, str], finish: str | None = None, **more: Any) -> bytes:
        return self._event([{"index": place, "delta": delta, "finish_reason": finish}], **more)

    def _event(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        return _data(
            {
                "id": self._started.id if self._started else "",
                "object": "chat.completion.chunk",
                "created": self._order.created,
                "model": self._order.model,
                "choices": choices,
                **more,
            }
        )


def _failed(document: dict[str, Any]) -> bytes:
    return _data({"error": error_of(document), "choices": []})


def _data(document: dict[str, Any]) -> bytes:
    return b"data: " + event_data(orjson.dumps(document)) + b"\n\n"
