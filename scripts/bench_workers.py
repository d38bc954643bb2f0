"""Compare one worker with several: requests per second, CPU time, memory, and how requests spread.

    .venv/bin/python -m scripts.bench_workers --rounds 5 --seconds 3 --clients 32

Both services run beside each other, use remote embedder, store and model (three calls per request, all to the
loopback upstream at 0 ms) and are asked in turn, so that a busy machine hits each alike. The upstream and the
clients share the cores with them: on two cores requests per second are held down by what those two
need; CPU time per request is not. Memory is the proportional set: pages that processes share count once.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop

from scripts.bench import payloads
from scripts.bench.load import asked
from scripts.bench.processes import Process, environment, free_port, upstream
from scripts.bench.servers import service_settings
from scripts.bench.wire import request

_START_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Family:
    """A service with `workers` processes that serve; with several there is one more that watches."""

    workers: int
    pid: int
    port: int

    def serving(self) -> list[Process]:
        """Return the processes that serve, without the one that watches."""
        if self.workers == 1:
            return [Process("one", self.pid, self.port)]
        pids = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("ascii").split()
        commands = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids}
        return [Process(str(pid), pid, self.port) for pid, line in commands.items() if b"spawn_main" in line]

    def memory_mb(self) -> float:
        """Return the proportional set of all processes, those that only watch included."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("ascii").split()
        return sum(_proportional_mb(pid) for pid in (self.pid, *map(int, children)))


def _proportional_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1_000


@contextmanager
def family(workers: int, upstream_url: str, folder: Path) -> Iterator[Family]:
    """Run the service until the end of the block."""
    folder.mkdir()
    port = free_port()
    settings = service_settings(upstream_url, folder / "var", remote=True)
    command = [sys.executable, "-m", "repartee", "serve", "--port", str(port), "--workers", str(workers)]
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(  # our own command, no shell
            command, cwd=folder, env=environment(**settings), stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not (folder / "var" / "server.json").exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "serve.log").read_text("utf-8"))
            time.sleep(0.05)
        yield Family(workers, process.pid, port)
    finally:
        process.terminate()
        process.wait(60)


@dataclass(frozen=True, slots=True)
class Run:
    """One run: CPU in microseconds per request, `share` is the busiest worker's part of all CPU time."""

    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    share: float


def one_run(measured: Family, clients: int, seconds: float) -> Run:
    """Ask for a while. Raises RuntimeError for an answer other than 200."""
    wanted = request("/generate", payloads.turn())
    serving = measured.serving()
    before = [process.cpu_seconds() for process in serving]
    started = time.perf_counter()
    answers = uvloop.run(asked(measured.port, wanted, clients, seconds))
    seconds = time.perf_counter() - started
    if answers.failed:
        raise RuntimeError(f"{answers.failed} answers failed: {answers.last[:300]!r}")
    spent = [process.cpu_seconds() - then for process, then in zip(serving, before, strict=True)]
    ordered = sorted(answers.seconds)
    count = len(ordered)
    return Run(
        count / seconds,
        sum(spent) / count * 1e6,
        ordered[count // 2] * 1e3,
        ordered[int(count * 0.99)] * 1e3,
        max(spent) / sum(spent),
    )


def main() -> None:
    """Measure and print a table of medians."""
    arguments = argparse.ArgumentParser(description="Compare one worker with several.")
    arguments.add_argument("--workers", type=int, default=2)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=3.0)
    arguments.add_argument("--clients", type=int, default=32)
    options = arguments.parse_args()
    runs: dict[int, list[Run]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as held:
        url = held.enter_context(upstream()).url
        families = [
            held.enter_context(family(count, url, Path(folder) / str(count)))
            for count in (1, options.workers)
        ]
        for one in families:
            one_run(one, options.clients, 1.0)
        for _ in range(options.rounds):
            for one in families:
                runs[one.workers].append(one_run(one, options.clients, options.seconds))
        memory = {one.workers: one.memory_mb() for one in families}
    _printed(runs, memory, options)


def _printed(runs: dict[int, list[Run]], memory: dict[int, float], options: argparse.Namespace) -> None:
    write = sys.stdout.write
    load = os.getloadavg()[0]
    write(f"{options.rounds} interleaved rounds of {options.seconds:g} s, {options.clients} clients, ")
    write(f"{os.cpu_count()} cores, load {load:.1f}\n")
    write("workers  requests/s  CPU µs/request  p50 ms  p99 ms  busiest's share  memory MB\n")
    for count, some in runs.items():
        middle = [statistics.median(getattr(run, name) for run in some) for name in Run.__slots__]
        write("{:7}  {:10.0f}  {:14.0f}  {:6.1f}  {:6.1f}  {:15.2f}".format(count, *middle))
        write(f"  {memory[count]:9.0f}\n")
    first, last = runs.values()
    faster = [several.per_second / one.per_second for one, several in zip(first, last, strict=True)]
    dearer = [several.cpu_us / one.cpu_us for one, several in zip(first, last, strict=True)]
    write(f"ratio: requests/s {statistics.median(faster):.2f} ({min(faster):.2f} to {max(faster):.2f}), ")
    write(f"CPU {statistics.median(dearer):.2f} ({min(dearer):.2f} to {max(dearer):.2f})\n")


if __name__ == "__main__":
    main()
