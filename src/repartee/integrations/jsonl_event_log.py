"""Events as JSON lines, appended and rotated by size.

Each process appends to files of its own (`events-<start>-<pid>-<number>.jsonl`), so several share a folder. A
line is written by one `write` to a file opened for appending: a crash can tear the last line at most.

Forgetting replaces files, also those that another process is appending to. Whoever appends or replaces holds
the file's lock (`flock`), and whoever gets the lock looks whether the file is still the one in the folder: a
writer whose file was replaced begins a new one, so that no line goes to a file that is gone.
"""

import asyncio
import fcntl
import json
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from repartee.application.ports import EventLog

_OURS: Final = "events-*.jsonl"


class JsonlEventLog(EventLog):
    """One line per event, UTF-8. A file that has reached `max_bytes` is followed by a new one."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._prefix = f"events-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
        self._number = 0
        self._open: tuple[Path, int] | None = None
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="event-log")

    async def append(self, event: dict[str, Any]) -> None:
        """Write one event. Raises OSError where it cannot be written, and the next call tries again."""
        try:
            line = orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)
        except orjson.JSONEncodeError:  # a number in a card that is larger than 64 bits
            line = json.dumps(event, ensure_ascii=False).encode() + b"\n"
        await asyncio.get_running_loop().run_in_executor(self._writer, self._write, line)

    async def of_user(self, user_id: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the user's events, file by file; lines that do not parse are nobody's."""
        mine = await asyncio.to_thread(self._mine, user_id)
        for path in self._files():
            for event in await asyncio.to_thread(_events_in, path, mine):
                yield event

    async def forget(self, user_id: str) -> int:
        """Rewrite the files that hold events of the user, without them."""
        return await asyncio.to_thread(self._forget, user_id)

    async def close(self) -> None:
        """Finish what is under way and close the file."""
        await asyncio.to_thread(self._writer.shutdown)
        self._release()

    def _write(self, line: bytes) -> None:
        descriptor = self._locked_for(len(line))
        try:
            size = os.fstat(descriptor).st_size
            if os.write(descriptor, line) < len(line):
                os.ftruncate(descriptor, size)
                raise OSError("the event log's disk is full")
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _locked_for(self, size: int) -> int:
        """Return the file to append to, locked; one that is full or was replaced is followed by a new one."""
        while True:
            path, descriptor = self._open = self._open or self._next()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            used = os.fstat(descriptor).st_size
            if _is_at(path, descriptor) and (used == 0 or used + size <= self._max_bytes):
                return descriptor
            self._release()

    def _next(self) -> tuple[Path, int]:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{self._prefix}-{self._number:04}.jsonl"
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._number += 1
        return path, descriptor

    def _release(self) -> None:
        if self._open is not None:
            os.close(self._open[1])
            self._open = None

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(_OURS))

    def _mine(self, user_id: str) -> "_Mine":
        """Read the replies first: feedback may stand in an earlier file than the reply that it is about."""
        mine = _Mine(user_id)
        events = (event for path in self._files() for event in _events_in(path, mine))
        return _Mine(user_id, frozenset(filter(None, map(_reply_id, events))))

    def _forget(self, user_id: str) -> int:
        """Feedback goes first: once the replies are gone, nothing says any more whose it was."""
        mine = self._mine(user_id)
        feedback = sum(_rewritten(path, mine.is_feedback) for path in self._files())
        return feedback + sum(_rewritten(path, mine.holds) for path in self._files())


@dataclass(frozen=True, slots=True)
class _Mine:
    """Knows a user's lines, given the ids of the user's replies."""

    user_id: str
    replies: frozenset[str] = frozenset()

    def event(self, line: bytes) -> dict[str, Any] | None:
        """Return the event that the line holds, None where it is not the user's."""
        if b'"feedback"' not in line and f'"{self.user_id}"'.encode() not in line:
            return None  # ids need no escaping, so that most lines need no parsing
        event = _parsed(line)
        if event.get("type") in {"reply", "shadow"}:
            return event if _field(event, "user", "id") == self.user_id else None
        if event.get("type") == "feedback":
            named = event.get("user_id") == self.user_id or event.get("reply_id") in self.replies
            return event if named else None
        return None

    def holds(self, line: bytes) -> bool:
        """Whether the line is the user's."""
        return self.event(line) is not None

    def is_feedback(self, line: bytes) -> bool:
        """Whether the line is feedback of the user."""
        event = self.event(line)
        return event is not None and event["type"] == "feedback"


def _parsed(line: bytes) -> dict[str, Any]:
    """Return the object of a line, an empty one where it is something else."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _field(event: dict[str, Any], part: str, name: str) -> Any:
    inner = event.get(part)
    return inner.get(name) if isinstance(inner, dict) else None


def _reply_id(event: dict[str, Any]) -> str | None:
    found = _field(event, "reply", "id")
    return found if isinstance(found, str) else None


def _events_in(path: Path, mine: _Mine) -> list[dict[str, Any]]:
    with suppress(FileNotFoundError), path.open("rb") as file:
        return [event for line in file if (event := mine.event(line)) is not None]
    return []


def _rewritten(path: Path, doomed: Callable[[bytes], bool]) -> int:
    """Take the doomed lines out of a file and return how many there were; the others stay byte for byte."""
    with suppress(FileNotFoundError), _locked(path) as file:
        fresh = path.with_name(f".{path.name}.rewritten")
        fresh.unlink(missing_ok=True)  # what a killed process may have left
        count = sum(map(doomed, file))
        if count:
            file.seek(0)
            _replace(path, fresh, file, doomed)
        return count
    return 0


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    while True:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(path, file.fileno()):
                yield file
                return


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the open file is the one in the folder, not one that was replaced or deleted."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _replace(path: Path, fresh: Path, lines: Iterable[bytes], doomed: Callable[[bytes], bool]) -> None:
    before = path.stat()
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
            with suppress(PermissionError):
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode))
            file.writelines(line for line in lines if not doomed(line))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
