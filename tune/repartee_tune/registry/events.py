"""The registry's history: who changed what, why and when. Lines are only ever added."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal
from uuid import uuid4

import orjson
from pydantic import Field, ValidationError

from repartee_tune.registry.manifest import Kind, Record, VersionId

FILE: Final = "events.jsonl"
Action = Literal["register", "promote", "rollback", "remove", "delete"]


def _now() -> datetime:
    return datetime.now(UTC)


class Event(Record):
    """One change.

    `before` is what the alias meant; `details` holds the sum of the gate report, or the forced reason.
    """

    id: str = Field(default_factory=lambda: uuid4().hex)
    at: datetime = Field(default_factory=_now)
    action: Action
    kind: Kind
    version: VersionId
    alias: str | None = None
    before: VersionId | None = None
    by: str
    why: str
    details: dict[str, Any] = Field(default_factory=dict)


def read_events(root: Path) -> Iterator[Event]:
    """Read the history, oldest first. A line that a crash cut short is passed over; `settle` repairs."""
    try:
        lines = (root / FILE).read_bytes().split(b"\n")
    except FileNotFoundError:
        return
    for line in lines:
        if not line:
            continue
        try:
            yield Event.model_validate_json(line)
        except ValidationError:
            continue


def append(root: Path, event: Event) -> None:
    """Add a line and wait until it is on the disk; only under the registry's lock."""
    line = orjson.dumps(event.model_dump(mode="json"), option=orjson.OPT_APPEND_NEWLINE)
    descriptor = os.open(root / FILE, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _write_all(descriptor, line if _ends_whole(descriptor) else b"\n" + line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def settle(root: Path, event: Event | None) -> None:
    """Add the event of a change that was made by a process that ended before it could write it down."""
    if event is not None and event.id not in _last_ids(root):
        append(root, event)


def _write_all(descriptor: int, content: bytes) -> None:
    """Write it all: a disk that is nearly full takes a part, and says so only when it is asked again."""
    while content:
        content = content[os.write(descriptor, content) :]


def _ends_whole(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def _last_ids(root: Path, window: int = 65_536) -> set[str]:
    """Return the ids near the file's end: a table's event is always among the kinds' newest."""
    try:
        with (root / FILE).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - window))
            tail = file.read()
    except FileNotFoundError:
        return set()
    found = set()
    for line in tail.split(b"\n"):
        try:
            found.add(orjson.loads(line).get("id"))
        except (orjson.JSONDecodeError, AttributeError):
            continue  # a line cut at the window's start or by a crash
    return found
