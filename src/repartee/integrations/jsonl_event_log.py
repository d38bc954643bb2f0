"""Events as JSON lines, appended and rotated by size.

Each process writes files of its own (`events-<start>-<pid>-<number>.jsonl`), so several workers share a
folder without locks. A line is written by one `write` to a file opened for appending: a crash can tear the
last line at most.
"""

import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from repartee.application.ports import EventLog


class JsonlEventLog(EventLog):
    """One line per event, UTF-8. A file that has reached `max_bytes` is followed by a new one."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._prefix = f"events-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
        self._number = 0
        self._descriptor: int | None = None
        self._size = 0
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="event-log")

    async def append(self, event: dict[str, Any]) -> None:
        """Write one event. Raises OSError where it cannot be written, and the next call tries again."""
        try:
            line = orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)
        except orjson.JSONEncodeError:  # a number in a card that is larger than 64 bits
            line = json.dumps(event, ensure_ascii=False).encode() + b"\n"
        await asyncio.get_running_loop().run_in_executor(self._writer, self._write, line)

    async def close(self) -> None:
        """Finish what is under way and close the file."""
        await asyncio.to_thread(self._writer.shutdown)
        self._release()

    def _write(self, line: bytes) -> None:
        if self._descriptor is None or self._size + len(line) > self._max_bytes:
            self._rotate()
        if self._descriptor is None:  # pragma: no cover - _rotate has opened it or raised
            raise OSError("no event file is open")
        written = os.write(self._descriptor, line)
        self._size += written
        if written < len(line):
            os.ftruncate(self._descriptor, self._size - written)
            self._size -= written
            raise OSError("the event log's disk is full")

    def _rotate(self) -> None:
        self._release()
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{self._prefix}-{self._number:04}.jsonl"
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._number += 1
        self._size = 0

    def _release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
