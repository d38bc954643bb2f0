"""What a worker process tells the process that started it: that it serves, that it cannot, that it lives."""

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

from repartee.presentation.cli.failures import exit_status, one_line
from repartee.presentation.services import Running

BEAT_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker takes connections; `running` is what it uses."""

    running: Running


@dataclass(frozen=True, slots=True)
class Failed:
    """The worker cannot start. `line` says why and what to do, `status` is the exit status that it means."""

    line: str
    status: int


Report = Ready | Failed | None
"""None is a beat: the worker's event loop still turns."""


class Reporter:
    """The worker's end. It never waits: a report that the pipe has no room for is left out."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        os.set_blocking(connection.fileno(), False)

    def ready(self, running: Running) -> None:
        """Say that connections are taken, and from now on that the event loop turns."""
        self._send(Ready(running))
        self._beat()

    def failed(self, error: Exception) -> None:
        """Say why the worker cannot start."""
        self._send(Failed(one_line(error), exit_status(error)))

    def _beat(self) -> None:
        self._send(None)
        asyncio.get_running_loop().call_later(BEAT_SECONDS, self._beat)

    def _send(self, report: Report) -> None:
        with suppress(OSError):  # nobody listens any more: the worker learns of that in another way
            self._connection.send(report)
