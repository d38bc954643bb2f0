"""Connections are taken one at a time, so that a burst of them is shared between workers."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from repartee.presentation.api import acceptor
from repartee.presentation.api.acceptor import Acceptor


class Noted(asyncio.Protocol):
    made = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Noted.made += 1
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"hello")
        transport.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    Noted.made = 0
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        yield made


async def greeted(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await reader.read()
    finally:
        writer.close()


async def test_every_connection_of_a_burst_is_taken(listener: socket.socket) -> None:
    server = Acceptor(listener, 100, Noted)
    port = listener.getsockname()[1]
    async with asyncio.timeout(5):
        assert await asyncio.gather(*(greeted(port) for _ in range(40))) == [b"hello"] * 40
    server.close()
    await server.wait_closed()


async def test_after_one_connection_the_next_waits_a_moment_for_whoever_else_listens(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two listen on one socket, as two workers do. The control: without the pause one of them takes all."""
    monkeypatch.setattr(acceptor, "_PAUSE_SECONDS", 0.02)
    first, second = Acceptor(listener, 100, Noted), Acceptor(listener.dup(), 100, Noted)
    port = listener.getsockname()[1]
    async with asyncio.timeout(5):
        asking = [asyncio.create_task(greeted(port)) for _ in range(6)]
        await asyncio.sleep(0.015)
        assert 1 <= Noted.made <= 2
        await asyncio.gather(*asking)
    first.close()
    second.close()
    second._listener.close()


async def test_without_a_free_file_descriptor_it_looks_again_later(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Exhausted:
        failures = 1

        def __getattr__(self, name: str) -> object:
            return getattr(listener, name)

        def accept(self) -> object:
            if self.failures:
                self.failures -= 1
                raise OSError(24, "Too many open files")
            return listener.accept()

    monkeypatch.setattr(acceptor, "_NO_DESCRIPTOR_SECONDS", 0.02)
    server = Acceptor(Exhausted(), 100, Noted)  # type: ignore[arg-type]  # a socket in all that is used
    async with asyncio.timeout(5):
        assert await greeted(listener.getsockname()[1]) == b"hello"
    server.close()


async def test_closed_it_takes_none(listener: socket.socket) -> None:
    server = Acceptor(listener, 100, Noted)
    server.close()
    await server.wait_closed()
    _, writer = await asyncio.open_connection("127.0.0.1", listener.getsockname()[1])
    await asyncio.sleep(0.05)
    assert Noted.made == 0
    writer.close()
