"""Takes connections one at a time, for processes that share a listening socket.

An event loop that accepts all that wait would give a burst of connections (clients that come back after a
restart) to the one worker that wakes first. Here a worker takes one and looks again a millisecond later; who
is busy comes later, so connections go to those who have time.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

import structlog

_log = structlog.get_logger(__name__)

_PAUSE_SECONDS: Final = 0.001
_NO_DESCRIPTOR_SECONDS: Final = 0.5


class Acceptor:
    """Listens until it is closed; the interface is that of an asyncio server, as far as uvicorn uses it."""

    def __init__(
        self, listener: socket.socket, backlog: int, protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._protocol = protocol
        self._connecting: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        listener.listen(backlog)
        self._look()

    def close(self) -> None:
        """Take no more connections."""
        if self._timer:
            self._timer.cancel()
        self._loop.remove_reader(self._listener.fileno())

    async def wait_closed(self) -> None:
        """Wait for connections that are just being taken."""
        await asyncio.gather(*self._connecting)

    def _look(self) -> None:
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener.fileno())
        self._timer = self._loop.call_later(seconds, self._look)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):  # another worker was faster
            return
        except OSError as error:  # no file descriptor is free: whoever waits keeps waiting
            _log.error("a connection cannot be taken", reason=error.strerror)
            self._pause(_NO_DESCRIPTOR_SECONDS)
            return
        task = self._loop.create_task(self._connect(connection))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        self._pause(_PAUSE_SECONDS)

    async def _connect(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:  # the client has left already
            connection.close()
