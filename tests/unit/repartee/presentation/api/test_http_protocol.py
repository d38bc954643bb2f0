"""Request heads over raw sockets: how large they may be and how long they may take."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from yarl import URL

from repartee.presentation.api import http_protocol
from repartee.presentation.api.http_protocol import BoundedHttpProtocol
from tests.serving import fake_api, served


@asynccontextmanager
async def _connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with served(fake_api(), http=BoundedHttpProtocol) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(url).port)
        yield reader, writer
        writer.close()


async def _status(reader: asyncio.StreamReader) -> int:
    """Return the status, 0 where the connection was closed on what was still being sent."""
    try:
        line = await asyncio.wait_for(reader.readline(), 3.0)
    except ConnectionError:
        return 0
    return int(line.split()[1]) if line else 0


HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (HEAD + b"\r\n", 200),
        (HEAD + b"".join(b"x-%d: 1\r\n" % n for n in range(90)) + b"\r\n", 200),
        (HEAD + b"".join(b"x-%d: 1\r\n" % n for n in range(101)) + b"\r\n", 431),
        (HEAD + b"x: " + b"y" * 33_000 + b"\r\n\r\n", 431),
        (HEAD + b"x: " + b"y" * 400_000, 0),
        (b"GET /" + b"y" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
        (b"nonsense\r\n\r\n", 400),
    ],
)
async def test_the_size_of_heads(head: bytes, status: int) -> None:
    async with _connected() as (reader, writer):
        writer.write(head)
        assert await _status(reader) in {status, status or 431}
        if status != 200:
            with suppress(ConnectionError):
                assert b"HTTP/1.1 200" not in await asyncio.wait_for(reader.read(), 3.0)


@pytest.mark.parametrize(("sent", "status"), [(b"", 0), (b"GET /hea", 408), (HEAD, 408)])
async def test_a_head_that_does_not_arrive_is_not_waited_for(
    sent: bytes, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.2)
    async with _connected() as (reader, writer):
        writer.write(sent)
        assert await _status(reader) == status


async def test_dripped_headers_do_not_extend_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.3)
    async with _connected() as (reader, writer):
        writer.write(HEAD)
        for number in range(40):
            writer.write(b"x-%d: 1\r\n" % number)
            await asyncio.sleep(0.02)
        assert await asyncio.wait_for(_status(reader), 0.15) in {408, 0}  # long ago, not 0.3 s after the last


async def test_an_idle_connection_stays_after_its_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.1)
    async with _connected() as (reader, writer):
        for _ in range(2):
            writer.write(HEAD + b"\r\n")
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 3.0)
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            await reader.readexactly(int(length.split(b":")[1]))
            await asyncio.sleep(0.3)
        assert not reader.at_eof()


async def test_a_body_of_any_size_is_no_head(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _connected() as (reader, writer):
        body = b" " * 60_000
        writer.write(b"POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n" + body)
        assert await _status(reader) == 422
