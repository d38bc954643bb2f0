"""Streams as they are written: one part after the other, and an end where the client reads no more."""

import asyncio
from typing import Any

import pytest
from starlette.responses import Response

from repartee.domain.errors import NotFound, UpstreamUnavailable
from repartee.presentation.api.disconnect import CONNECTION, EventStream, Write


class Wire:
    """What a client got; `reads` is cleared where it stops reading, `left` set where it goes away."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.left = asyncio.Event()

    async def send(self, message: Any) -> None:
        await self.reads.wait()
        self.messages.append(message)

    async def receive(self) -> Any:
        await self.left.wait()
        return {"type": "http.disconnect"}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)


@pytest.fixture
def wire() -> Wire:
    return Wire()


async def answered(wire: Wire, source: Any) -> None:
    stream = EventStream(source, lambda error: Response(error.code, 404))
    await stream({"type": "http"}, wire.receive, wire.send)


async def test_parts_of_several_writers_follow_one_head_and_one_end(wire: Wire) -> None:
    async def source(write: Write) -> None:
        await asyncio.gather(*(write(b"%d" % number) for number in range(5)))

    await answered(wire, source)
    kinds = [message["type"] for message in wire.messages]
    assert kinds == ["http.response.start", *["http.response.body"] * 6]
    assert [message.get("more_body") for message in wire.messages] == [None, *[True] * 5, False]
    assert sorted(wire.body) == sorted(b"01234")


async def test_what_fails_before_the_first_part_has_a_status_of_its_own(wire: Wire) -> None:
    async def source(_write: Write) -> None:
        raise NotFound("no such thing")

    await answered(wire, source)
    assert wire.messages[0]["status"] == 404


async def test_what_fails_later_is_raised(wire: Wire) -> None:
    async def source(write: Write) -> None:
        await write(b"a")
        raise UpstreamUnavailable("x", "model")

    with pytest.raises(UpstreamUnavailable):
        await answered(wire, source)
    assert wire.body == b"a"


async def test_after_a_part_that_nobody_read_in_time_nothing_is_waited_for(wire: Wire) -> None:
    async def source(write: Write) -> None:
        await write(b"a")
        wire.reads.clear()
        try:
            async with asyncio.timeout(0.05):
                await write(b"b")
        except TimeoutError:
            await write(b"error")

    async with asyncio.timeout(5):
        await answered(wire, source)
    assert wire.body == b"a"
    assert wire.messages[-1]["more_body"]  # it has no end: the server closes the connection


async def test_a_client_that_leaves_ends_the_source(wire: Wire) -> None:
    ended: list[bool] = []

    async def source(write: Write) -> None:
        await write(b"a")
        wire.left.set()
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(True)

    async with asyncio.timeout(5):
        await answered(wire, source)
    assert ended == [True]


class OwnConnection:
    """What our protocol tells: lost once `lose` is called."""

    on_lost: Any = None

    def __init__(self) -> None:
        self._lost = False

    def is_lost(self) -> bool:
        return self._lost

    def lose(self) -> None:
        self._lost = True
        if self.on_lost:
            self.on_lost()


async def answered_over(connection: OwnConnection, wire: Wire, source: Any) -> None:
    stream = EventStream(source, lambda error: Response(error.code, 404))
    await stream({"type": "http", "extensions": {CONNECTION: connection}}, wire.receive, wire.send)


async def test_our_protocol_tells_that_the_client_left(wire: Wire) -> None:
    connection, ended = OwnConnection(), list[bool]()

    async def source(write: Write) -> None:
        await write(b"a")
        asyncio.get_running_loop().call_soon(connection.lose)
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(True)

    async with asyncio.timeout(5):
        await answered_over(connection, wire, source)
    assert ended == [True]
    assert wire.body == b"a"
    assert connection.on_lost is None


async def test_a_client_that_has_left_already_starts_nothing(wire: Wire) -> None:
    connection, begun = OwnConnection(), list[bool]()
    connection.lose()

    async def source(_write: Write) -> None:
        begun.append(True)

    await answered_over(connection, wire, source)
    assert not begun
    assert not wire.messages


async def test_over_our_protocol_a_whole_stream_leaves_the_connection_to_the_next_request(wire: Wire) -> None:
    connection = OwnConnection()

    async def source(write: Write) -> None:
        await write(b"a")

    await answered_over(connection, wire, source)
    assert not wire.messages[-1]["more_body"]
    assert connection.on_lost is None


async def test_a_request_that_is_cancelled_while_the_client_is_there_is_cancelled(wire: Wire) -> None:
    async def source(_write: Write) -> None:
        await asyncio.sleep(30)

    task = asyncio.create_task(answered_over(OwnConnection(), wire, source))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
