"""The little HTTP/1.1 server under the loopback upstream: raw asyncio, because faults need the raw socket."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

REASONS = {200: "OK", 307: "Temporary Redirect", 404: "Not Found", 429: "Too Many Requests"}


@dataclass
class Recorded:
    """One request as it arrived. `disconnected` is set when its client leaves before the answer is whole."""

    endpoint: str
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    started: float
    disconnected: asyncio.Event = field(default_factory=asyncio.Event)
    disconnected_at: float | None = None

    async def seconds_to_disconnect(self, since: float, timeout: float = 2.0) -> float:
        """Return how long after the loop's time `since` the client left. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            await self.disconnected.wait()
        assert self.disconnected_at is not None
        return self.disconnected_at - since


class Exchange:
    """One request with the means to answer it, well or badly."""

    def __init__(self, request: Recorded, writer: asyncio.StreamWriter) -> None:
        self.request = request
        self.document: Any = None
        self.events: list[bytes] = []
        self._writer = writer

    @property
    def streaming(self) -> bool:
        return isinstance(self.request.body, dict) and bool(self.request.body.get("stream"))

    async def send(
        self,
        body: bytes | dict[str, Any] | list[Any],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer whole and well formed."""
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        fields = {"content-type": "application/json", "content-length": str(len(data)), **(headers or {})}
        await self.raw(_head(status, fields) + data)

    async def promise(self, length: int, status: int = 200) -> None:
        """Send a head alone, for a body of this length."""
        await self.raw(_head(status, {"content-type": "application/json", "content-length": str(length)}))

    async def start(self, content_type: str = "application/json") -> None:
        """Begin a chunked answer."""
        await self.raw(_head(200, {"content-type": content_type, "transfer-encoding": "chunked"}))

    async def chunk(self, data: bytes) -> None:
        """Send one chunk; an empty one ends the answer."""
        await self.raw(b"%x\r\n%b\r\n" % (len(data), data))

    async def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        """Close the connection in good order (FIN)."""
        self._writer.close()

    def reset(self) -> None:
        """Tear the connection down (RST)."""
        connection = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


def _head(status: int, fields: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Answer')}", *(f"{k}: {v}" for k, v in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class _Watched(asyncio.StreamReaderProtocol):
    """Notices at once when the client closes, while nobody reads."""

    def __init__(self, on_connection: Any, count: Callable[[int], None]) -> None:
        super().__init__(asyncio.StreamReader(limit=2**20), on_connection)
        self.gone = asyncio.Event()
        self._count = count

    def data_received(self, data: bytes) -> None:
        self._count(len(data))
        super().data_received(data)

    def eof_received(self) -> bool:
        self.gone.set()
        return bool(super().eof_received())

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()
        super().connection_lost(exc)


class LoopbackServer:
    """Serves `answer` on a random loopback port, and records. Use as an async context manager."""

    def __init__(
        self, answer: Callable[[Exchange], Awaitable[None]], endpoint_of: Callable[[str], str]
    ) -> None:
        self.requests: list[Recorded] = []
        self.bytes_received = 0
        self.connections = 0
        self._answer = answer
        self._endpoint_of = endpoint_of
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, port: int = 0) -> str:
        """Start listening and return the URL."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Watched(self._connection, self._received), "127.0.0.1", port
        )
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Stop, and end what is still being answered."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _received(self, count: int) -> None:
        self.bytes_received += count

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        try:
            while not writer.is_closing():
                first = await reader.readexactly(1)
                if not first.isalpha():  # TLS, spoken to a plain server
                    writer.write(_head(400, {"content-length": "0"}))
                    break
                await self._exchange(await self._read(first, reader), writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client left, or the server is closing; StreamReaderProtocol logs a cancelled task
        finally:
            writer.close()

    async def _read(self, first: bytes, reader: asyncio.StreamReader) -> Recorded:
        head, *lines = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
        method, path, _ = head.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        data = await reader.readexactly(int(headers.get("content-length", "0")))
        now = asyncio.get_running_loop().time()
        request = Recorded(self._endpoint_of(path), method, path, headers, json.loads(data or b"null"), now)
        self.requests.append(request)
        return request

    async def _exchange(self, request: Recorded, writer: asyncio.StreamWriter) -> None:
        protocol = writer.transport.get_protocol()
        assert isinstance(protocol, _Watched)
        answer = asyncio.ensure_future(self._answer(Exchange(request, writer)))
        gone = asyncio.ensure_future(protocol.gone.wait())
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done() or isinstance(answer.exception(), ConnectionError):
                request.disconnected_at = asyncio.get_running_loop().time()
                request.disconnected.set()
                raise ConnectionResetError
            await answer
        finally:
            answer.cancel()
            gone.cancel()
