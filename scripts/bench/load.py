"""A closed loop of clients over raw sockets: each sends its next request when the last one is answered."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from scripts.bench.payloads import MARK
from scripts.bench.wire import END_OF_HEAD, head_and_length

_LAST_CHUNK: Final = b"0\r\n\r\n"
_FIRST_TEXT: Final = b"delta"
_numbers: Final = count(1)


@dataclass(slots=True)
class Answers:
    """What the clients saw: seconds per answer and to a stream's first text; answers other than 200."""

    seconds: list[float] = field(default_factory=list)
    first_text: list[float] = field(default_factory=list)
    failed: int = 0
    last: bytes = b""


class Client(asyncio.Protocol):
    """One connection that asks as long as `goes_on` says so."""

    def __init__(self, wanted: bytes, answers: Answers, goes_on: Callable[[], bool]) -> None:
        self._before, self._after = wanted.split(MARK)
        self._answers = answers
        self._goes_on = goes_on
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Take the answer in."""
        self._data += data
        if not self._heard and _FIRST_TEXT in self._data:
            self._heard = True
            self._answers.first_text.append(time.perf_counter() - self._asked)
        if self._is_whole():
            self._answers.seconds.append(time.perf_counter() - self._asked)
            self._answers.failed += not self._data.startswith(b"HTTP/1.1 200")
            self._answers.last = bytes(self._data)
            if self._goes_on():
                self._ask()
            else:
                self._transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        """End; a connection that was cut is a failure."""
        self._answers.failed += self._goes_on()
        if not self.done.done():
            self.done.set_result(None)

    def _ask(self) -> None:
        self._data = bytearray()
        self._heard = False
        self._asked = time.perf_counter()
        self._transport.write(self._before + b"%010d" % next(_numbers) + self._after)

    def _is_whole(self) -> bool:
        found = head_and_length(self._data)
        if found is None:
            return False
        start, length = found
        if length is None:
            return self._data.endswith(_LAST_CHUNK)
        return len(self._data) >= start + length


async def asked(port: int, wanted: bytes, clients: int, seconds: float, least: int = 0) -> Answers:
    """Let `clients` ask for `seconds` and for `least` answers at least; return what they saw."""
    answers = Answers()
    end = time.perf_counter() + seconds

    def goes_on() -> bool:
        return time.perf_counter() < end or len(answers.seconds) < least

    loop = asyncio.get_running_loop()
    connected = [
        await loop.create_connection(lambda: Client(wanted, answers, goes_on), "127.0.0.1", port)
        for _ in range(clients)
    ]
    await asyncio.gather(*(client.done for _, client in connected))
    return answers


def body_of(answer: bytes) -> bytes:
    """Return the body of a whole answer that has a length."""
    return answer.partition(END_OF_HEAD)[2]
