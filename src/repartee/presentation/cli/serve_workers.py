"""Several worker processes behind one listening socket: started, watched, replaced and ended together.

This process serves nothing itself. It keeps the socket, so that a worker that is killed takes only its own
connections with it. Workers are spawned, not forked: each has an interpreter, an event loop and clients of
its own. Signals go to this process, which passes SIGTERM on; what a terminal sends to the whole group is held
back from the workers, or Ctrl-C would reach them twice.
"""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import Pipe, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final, TextIO

import structlog

from repartee.presentation.cli.failures import RunFailed, UserMistake
from repartee.presentation.cli.serve_reports import BEAT_SECONDS, Failed, Ready, Report
from repartee.presentation.services import Running

_log = structlog.get_logger(__name__)

_OF_THE_TERMINAL: Final = (signal.SIGINT, signal.SIGHUP)
_SILENT_BEATS: Final = 30
_STARTING_BEATS: Final = 120
_LONGEST_PAUSE_SECONDS: Final = 30.0
_LONG_LIFE_SECONDS: Final = 10.0
_CUT_OFF_SECONDS: Final = 2.5

Start = Callable[[int, Connection], BaseProcess]
"""Makes the process of a worker, not yet started, from its number and its end of the pipe."""


@dataclass(slots=True)
class _Worker:
    """A process. Whoever replaces it gets its number."""

    number: int
    process: BaseProcess
    reports: Connection
    started: float = field(default_factory=time.monotonic)
    ready: bool = False
    missed_beats: int = 0
    failure: Failed | None = None


@dataclass(frozen=True, slots=True)
class Occasions:
    """What the owner wants to hear of."""

    on_ready: Callable[[Running], None]
    """All workers take connections, for the first time."""
    on_end: Callable[[int], None]
    """The worker with this number is gone and will be replaced."""
    on_stop: Callable[[], None]
    """No worker is started any more: the socket can be let go."""


class Workers:
    """`count` processes. `patience_seconds` is how long they may take to end when they are told to."""

    def __init__(self, count: int, start: Start, occasions: Occasions, patience_seconds: float) -> None:
        self._count = count
        self._make = start
        self._occasions = occasions
        self._patience_seconds = patience_seconds
        self._workers: dict[int, _Worker] = {}
        self._waiting: dict[int, asyncio.TimerHandle] = {}
        self._short_lives: Counter[int] = Counter()
        self._announced = False
        self._stopping = False
        self._failure: Failed | None = None
        self._cut_off_by: int | None = None

    async def run(self, until_end_of: TextIO | None = None) -> int:
        """Serve until a signal comes or the pipe ends; return the exit status.

        Raises UserMistake or RunFailed with the words of a worker that cannot start.
        """
        self._loop = asyncio.get_running_loop()
        self._over = self._loop.create_future()
        for sent in (signal.SIGTERM, *_OF_THE_TERMINAL):
            if signal.getsignal(sent) is not signal.SIG_IGN:  # as nohup leaves SIGHUP
                self._loop.add_signal_handler(sent, self.stop, sent)
        if until_end_of:
            self._loop.add_reader(until_end_of.fileno(), self._readable, until_end_of)
        resource_tracker.ensure_running()  # it lifts the block that `_held_back` sets, so it comes first
        for number in range(1, self._count + 1):
            self._start(number)
        watching = asyncio.create_task(self._watch())
        try:
            await self._over
        finally:
            watching.cancel()
            self._kill()
        if self._failure:
            raise (UserMistake if self._failure.status == 2 else RunFailed)(self._failure.line)
        return 128 + self._cut_off_by if self._cut_off_by is not None else 0

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Let all workers finish what they have; a second signal cuts them off."""
        if self._stopping:
            self._cut_off_by = number
        else:
            self._stopping = True
            self._occasions.on_stop()
            for timer in self._waiting.values():
                timer.cancel()
        for worker in self._workers.values():
            worker.process.terminate()
        patience = self._patience_seconds if self._cut_off_by is None else _CUT_OFF_SECONDS
        self._loop.call_later(patience, self._kill)
        self._end_if_alone()

    # --- one worker -------------------------------------------------------------------------------

    def _start(self, number: int) -> None:
        self._waiting.pop(number, None)
        receiving, sending = Pipe(duplex=False)
        process = self._make(number, sending)
        try:
            with _held_back():
                process.start()
        except OSError as error:  # no memory, no process table entry, no file descriptor
            receiving.close()
            self._not_started(number, f"worker {number} cannot be started: {error.strerror}")
            return
        finally:
            sending.close()
        worker = self._workers[number] = _Worker(number, process, receiving)
        self._loop.add_reader(receiving.fileno(), self._heard, worker)
        self._loop.add_reader(process.sentinel, self._ended, worker)

    def _heard(self, worker: _Worker) -> bool:
        """Take in one report; return whether there may be more."""
        try:
            report: Report = worker.reports.recv()
        except (EOFError, OSError):
            self._loop.remove_reader(worker.reports.fileno())
            return False
        worker.missed_beats = 0
        if isinstance(report, Failed):
            worker.failure = report
        elif isinstance(report, Ready):
            worker.ready = True
            self._is_ready(worker, report.running)
        return True

    def _is_ready(self, worker: _Worker, running: Running) -> None:
        if self._announced:
            _log.info("a worker is back", number=worker.number, pid=worker.process.pid)
        elif not self._stopping and self._ready_count() == self._count:
            self._announced = True
            self._occasions.on_ready(running)

    def _ended(self, worker: _Worker) -> None:
        self._loop.remove_reader(worker.process.sentinel)
        while worker.reports.poll() and self._heard(worker):
            pass
        self._loop.remove_reader(worker.reports.fileno())
        worker.reports.close()
        worker.process.join()
        status, pid = worker.process.exitcode, worker.process.pid
        worker.process.close()
        del self._workers[worker.number]
        if self._stopping:
            self._end_if_alone()
            return
        self._occasions.on_end(worker.number)
        if worker.ready:
            _log.error("a worker ended and is replaced", number=worker.number, pid=pid, status=status)
            lived = time.monotonic() - worker.started
            self._replace(worker.number, is_short=lived < _LONG_LIFE_SECONDS)
            return
        words = f"worker {worker.number} ended with status {status} before it served"
        self._not_started(worker.number, words, worker.failure)

    def _not_started(self, number: int, words: str, failure: Failed | None = None) -> None:
        """End at the first start, or where no worker is left; otherwise try again after a pause."""
        failure = failure or Failed(words, 1)
        if self._announced and (self._ready_count() or self._workers):
            _log.error("a worker cannot be replaced yet", number=number, reason=failure.line)
            self._replace(number, is_short=True)
            return
        self._failure = self._failure or failure
        if not self._stopping:
            self.stop()

    def _replace(self, number: int, *, is_short: bool) -> None:
        """The first time at once; the more often it does not live long, the later."""
        self._short_lives[number] = self._short_lives[number] + 1 if is_short else 0
        again = self._short_lives[number]
        pause = min(2.0 ** (again - 2), _LONGEST_PAUSE_SECONDS) if again > 1 else 0.0
        self._waiting[number] = self._loop.call_later(pause, self._start, number)

    # --- all of them ------------------------------------------------------------------------------

    def _ready_count(self) -> int:
        return sum(worker.ready for worker in self._workers.values())

    async def _watch(self) -> None:
        """Kill a worker whose event loop has stood still: beats are counted, as clocks run on in a pause."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            for worker in [] if self._stopping else list(self._workers.values()):
                worker.missed_beats += 1
                if worker.missed_beats > (_SILENT_BEATS if worker.ready else _STARTING_BEATS):
                    _log.error("a worker hangs and is killed", number=worker.number, pid=worker.process.pid)
                    worker.process.kill()

    def _readable(self, pipe: TextIO) -> None:
        if not os.read(pipe.fileno(), 4_096):
            self._loop.remove_reader(pipe.fileno())
            self.stop()

    def _kill(self) -> None:
        for worker in self._workers.values():
            worker.process.kill()

    def _end_if_alone(self) -> None:
        if not self._workers and not self._over.done():
            self._over.set_result(None)


@contextmanager
def _held_back() -> Iterator[None]:
    """Block what a terminal sends to the group: the process that starts here inherits that, for good."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _OF_THE_TERMINAL)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _OF_THE_TERMINAL)
