"""Files that commands write: whole or not at all, and for their owner's eyes only."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from repartee.presentation.cli.failures import UserMistake


@contextmanager
def opened_output(path: Path | None, named: str = "--out") -> Iterator[BinaryIO]:
    """Open a file to write, or standard output for None. Raises UserMistake where it cannot be written;
    it starts with `named`.

    The file appears under its name once all of it is on disk; until then what was there stays.
    """
    if path is None:
        yield sys.stdout.buffer
        return
    if path.exists() and not path.is_file():
        raise UserMistake(f"{named} {path}: is not a file: name one")
    with _refused(path, named), _appearing(path.resolve()) as file:
        yield file


@contextmanager
def _appearing(path: Path) -> Iterator[BinaryIO]:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
            yield file
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


@contextmanager
def _refused(path: Path, named: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserMistake(f"{named} {path}: {error.strerror}: choose another file") from None
