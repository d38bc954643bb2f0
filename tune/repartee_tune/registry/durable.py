"""Files that are there whole after a crash, or not at all."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


def sync_folder(folder: Path) -> None:
    """Make the folder's own entries survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_synced(path: Path, content: bytes) -> None:
    """Write a new file and wait until it is on the disk."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file at once: a reader sees the old content or the new, whenever it looks."""
    new = path.with_name(f".tmp-{uuid4().hex}")
    try:
        write_synced(new, content)
        os.replace(new, path)  # noqa: PTH105 - the name says that this is the atomic step
    except OSError:  # a full disk is not to be filled with halves
        new.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextmanager
def locked(path: Path, *, shared: bool = False, wait: bool = True) -> Iterator[None]:
    """Hold a lock that the kernel takes back when the process ends, however it ends.

    Raises BlockingIOError where another holds it and `wait` is false.
    """
    with _flocked(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), shared=shared, wait=wait):
        yield


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder itself. Raises BlockingIOError where another process holds it."""
    with _flocked(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), shared=False, wait=False):
        yield


@contextmanager
def _flocked(descriptor: int, *, shared: bool, wait: bool) -> Iterator[None]:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
