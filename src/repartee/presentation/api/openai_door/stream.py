"""The answer as OpenAI's server-sent events: chunks, then `[DONE]`; comments while nothing comes."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Final, TypeVar

import orjson
import structlog
from starlette.responses import Response

from repartee.application.merged_streams import pumped
from repartee.application.reply import Reply, ReplyDelta, ReplyEvent, ReplyStarted
from repartee.domain.errors import ReparteeError
from repartee.presentation.api.disconnect import EventStream
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

T = TypeVar("T")

_SILENCE_SECONDS: Final = 5.0
_HEARTBEAT: Final = b": waiting for the model\n\n"
_DONE: Final = b"data: [DONE]\n\n"


class CompletionStream(EventStream):
    """The events of one answer.

    Nothing is sent before the model's first word or the first silence: what fails until then is answered with
    its own status. Later an error is an event with `error`, and the stream ends without `[DONE]`.
    """

    def __init__(self, order: Order, failure: Callable[[ReparteeError], Response]) -> None:
        super().__init__(self._events_of(order), failure)

    async def _events_of(self, order: Order) -> AsyncGenerator[bytes, None]:
        chunks, begun = _Chunks(order), False
        try:
            async with aclosing(with_silences(order.stream(), _SILENCE_SECONDS)) as events:
                async for placed in events:
                    if placed and isinstance(placed[1], ReplyStarted):
                        self.headers.update(headers_about(placed[1]))
                    for sent in [_HEARTBEAT] if placed is None else chunks.of(*placed):
                        begun = True
                        yield sent
        except ReparteeError as error:
            if not begun:
                raise
            yield _failed(problem(error, order.request_id))
        except Exception:
            if not begun:
                raise
            _log.exception("stream failed")
            yield _failed(internal_problem(order.request_id))


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


async def with_silences(source: AsyncGenerator[T, None], seconds: float) -> AsyncGenerator[T | None, None]:
    """Yield what the source yields, and None each time that nothing came for so long."""
    async with pumped(source) as streams:
        while True:
            limit = asyncio.timeout(seconds)
            try:
                async with limit:
                    placed = await streams.next()
            except TimeoutError:
                if not limit.expired():
                    raise
                yield None
                continue
            if placed is None:
                return
            yield placed[1]


def _failed(document: dict[str, Any]) -> bytes:
    return _data({"error": error_of(document), "choices": []})


def _data(document: dict[str, Any]) -> bytes:
    return b"data: " + event_data(orjson.dumps(document)) + b"\n\n"
