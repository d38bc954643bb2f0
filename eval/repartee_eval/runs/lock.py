"""One process at a time works on a run; the lock goes with the process, however that ends."""

import fcntl
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from repartee_eval.errors import EvalError

LOCK: Final = "run.lock"


class RunLocked(EvalError):
    """Another process works on the run."""

    code = "run_locked"


class RunLock:
    """Holds a run folder from construction to `release`. Raises RunLocked, EvalError."""

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise EvalError(f"{path}: {error.strerror}; the folder must be writable") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._sign()
        except BlockingIOError:
            message = f"{folder} is in use by {self._holder()}: wait for it, or end it"
            os.close(self._file)
            raise RunLocked(message) from None
        except OSError as error:
            os.close(self._file)
            raise EvalError(f"{path} cannot be locked here: {error.strerror}; use a local disk") from None

    def release(self) -> None:
        """Let others in. The file stays: to delete it would let two processes hold two locks."""
        os.close(self._file)

    def _sign(self) -> None:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps(holder).encode(), 0)

    def _holder(self) -> str:
        try:
            holder = json.loads(os.pread(self._file, 4096, 0))
            return f"process {holder['pid']} on {holder['host']}, since {holder['since']}"
        except (ValueError, KeyError, TypeError):  # it has locked, and not signed yet
            return "another process"
