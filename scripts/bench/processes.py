"""The servers as real processes, pinned to one core; the upstream and the clients have the others."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

CHECKOUT: Final = Path(__file__).parents[2]
_TICK: Final = os.sysconf("SC_CLK_TCK")
_START_SECONDS: Final = 40.0


@dataclass(frozen=True, slots=True)
class Process:
    """A server that listens on `port`."""

    name: str
    pid: int
    port: int

    def cpu_seconds(self) -> float:
        """Return user and system time so far, in ticks of 10 ms."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def resident_mb(self) -> float:
        """Return the resident set."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text("ascii").split()[1])
        return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def cores() -> tuple[set[int], set[int]]:
    """Return the cores of the clients and the core of the servers: all the same on one core."""
    able = sorted(os.sched_getaffinity(0))
    return (set(able[:-1]), {able[-1]}) if len(able) > 1 else (set(able), set(able))


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def environment(**settings: str) -> dict[str, str]:
    """Return an environment in which only these settings are set, with one thread for numbers."""
    foreign = ("REPARTEE_", "OPENAI_", "HTTP_", "HTTPS_", "ALL_", "http_", "https_", "all_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {"PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"} | settings


@contextmanager
def running(
    name: str, command: list[str], port: int, settings: Mapping[str, str], *, cwd: Path = CHECKOUT
) -> Iterator[Process]:
    """Run `command` on the servers' core until the end of the block. Raises RuntimeError if it ends early."""
    log = cwd / f"{name.replace(' ', '-')}.log" if cwd != CHECKOUT else Path(os.devnull)
    with log.open("ab") as output:
        process = subprocess.Popen(  # our own commands, no shell
            [sys.executable, *command], cwd=cwd, env=environment(**settings), stdout=output, stderr=output
        )
    try:
        os.sched_setaffinity(process.pid, cores()[1])
        _wait_for(name, process, port)
        yield Process(name, process.pid, port)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        if process.poll() is None:
            process.kill()
            process.wait()


def _wait_for(name: str, process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended with status {process.returncode} before it served")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{name} did not listen within {_START_SECONDS:g} s")


@contextmanager
def upstream() -> Iterator["Loopback"]:
    """Run the upstream beside the clients."""
    process = subprocess.Popen(  # our own command, no shell
        [sys.executable, "-m", "scripts.bench.upstream"],
        cwd=CHECKOUT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        os.sched_setaffinity(process.pid, cores()[0])
        if process.stdout is None:
            raise RuntimeError("the upstream has no output")
        yield Loopback(int(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True, slots=True)
class Loopback:
    """The upstream."""

    port: int

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def hits(self) -> dict[str, int]:
        """Return how often each path was asked."""
        counted: dict[str, int] = self._asked("/hits")
        return counted

    def model_takes(self, milliseconds: int) -> None:
        """Let the model's answers take so long from now on."""
        self._asked(f"/model/{milliseconds}")

    def _asked(self, path: str) -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.url + path, timeout=5) as answer:
            return json.load(answer)
