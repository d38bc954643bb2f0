"""An API of the chat's own, for as long as the chat lasts."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Final, Self

from repartee.presentation.cli.discovery import ServerFile, service_at
from repartee.presentation.cli.failures import RunFailed

_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 5.0
_LOOK_AGAIN_SECONDS: Final = 0.05


class OwnApi:
    """A child process that serves on a free port and stops itself when this process is gone.

    It is in a session of its own, so that Ctrl-C in the terminal does not reach it, and it stops when its
    standard input closes, which the end of this process does in any case.
    """

    def __init__(self, data_dir: Path) -> None:
        self._server_file = ServerFile(data_dir)
        self._log = data_dir / "interact-api.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> str:
        """Start it and return its address once it answers. Raises RunFailed with its last words."""
        self.stop()
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("wb") as log:
                self._process = _spawned(log.fileno())
        except OSError as error:
            raise RunFailed(f"cannot start an API: {error.filename}: {error.strerror}") from None
        try:
            return self._address(self._process)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it and wait for its end."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _address(self, process: "subprocess.Popen[bytes]") -> str:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RunFailed(f"the API did not start: {self._last_words()}")
            serving = self._server_file.read()
            if serving and serving.pid == process.pid and service_at(serving.url) == "repartee":
                return serving.url
            time.sleep(_LOOK_AGAIN_SECONDS)
        raise RunFailed(f"the API did not start within {_START_SECONDS:g} s: see {self._log}")

    def _last_words(self) -> str:
        lines = self._log.read_text("utf-8", "replace").splitlines()
        errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        return errors[-1] if errors else f"see {self._log}"


def _spawned(log: int) -> "subprocess.Popen[bytes]":
    address = ["--host", "127.0.0.1", "--port", "0"]
    command = [sys.executable, "-m", "repartee", "serve", *address, "--workers", "1"]
    return subprocess.Popen(  # noqa: S603  # our own command, no shell
        [*command, "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=log,
        start_new_session=True,
    )
