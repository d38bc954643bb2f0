"""Workers are started, replaced and ended together; their processes here are fakes."""

import asyncio
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import cast

import pytest

from repartee.domain.errors import ConfigurationError
from repartee.presentation.cli import serve_workers
from repartee.presentation.cli.failures import RunFailed, UserMistake
from repartee.presentation.cli.serve_reports import Reporter
from repartee.presentation.cli.serve_workers import Occasions, Workers
from repartee.presentation.services import Running

RUNNING = Running("m", "e", "s", None, None)


class FakeProcess:
    """Ends when it is told to; what it does when it starts is up to the test."""

    def __init__(self, number: int, reports: Connection, began: Callable[["FakeProcess"], None]) -> None:
        self.number = number
        self.reports = reports
        self.pid = 100 + number
        self.exitcode: int | None = None
        self.obeys = True
        self.told: list[str] = []
        self.sentinel, self._alive = os.pipe()
        self._began = began

    def start(self) -> None:
        # The supervisor closes its own copy of the pipe, as it does with a real process.
        self.reporter = Reporter(Connection(os.dup(self.reports.fileno()), readable=False))
        self._began(self)

    def end(self, status: int) -> None:
        if self.exitcode is None:
            self.exitcode = status
            os.close(self._alive)

    def terminate(self) -> None:
        self.told.append("terminate")
        if self.obeys:
            self.end(0)

    def kill(self) -> None:
        self.told.append("kill")
        self.end(-9)

    def join(self) -> None:
        assert self.exitcode is not None

    def close(self) -> None:
        os.close(self.sentinel)


class Bench:
    """Two workers. `began` holds every process that was started, in order."""

    def __init__(self, begin: Callable[[FakeProcess], None], patience_seconds: float = 5.0) -> None:
        self.begin = begin
        self.began: list[FakeProcess] = []
        self.heard: list[str] = []
        occasions = Occasions(
            on_ready=lambda running: self.heard.append(f"ready {running.model}"),
            on_end=lambda number: self.heard.append(f"end {number}"),
            on_stop=lambda: self.heard.append("stop"),
        )
        self.workers = Workers(2, self._made, occasions, patience_seconds)

    def _made(self, number: int, reports: Connection) -> BaseProcess:
        return cast(BaseProcess, FakeProcess(number, reports, self._begun))

    def _begun(self, process: FakeProcess) -> None:
        self.began.append(process)
        self.begin(process)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not holds():
                await asyncio.sleep(0.005)


def well(process: FakeProcess) -> None:
    process.reporter.ready(RUNNING)


async def test_the_banner_comes_once_all_are_ready_and_a_signal_ends_all() -> None:
    bench = Bench(lambda process: well(process) if process.number == 1 else None)
    over = asyncio.create_task(bench.workers.run())
    await asyncio.sleep(0.05)
    assert bench.heard == []
    well(bench.began[1])
    await bench.until(lambda: bench.heard == ["ready m"])
    os.kill(os.getpid(), signal.SIGTERM)
    assert await over == 0
    assert bench.heard == ["ready m", "stop"]
    assert [process.told for process in bench.began] == [["terminate"], ["terminate"]]


async def test_a_killed_worker_is_replaced_under_its_number_and_the_other_goes_on() -> None:
    bench = Bench(well)
    over = asyncio.create_task(bench.workers.run())
    await bench.until(lambda: len(bench.heard) == 1)
    bench.began[1].end(-9)
    await bench.until(lambda: len(bench.began) == 3)
    assert bench.began[2].number == 2
    assert bench.heard == ["ready m", "end 2"]
    assert bench.began[0].exitcode is None
    bench.workers.stop()
    assert await over == 0


async def test_a_worker_that_cannot_start_ends_the_first_start_with_its_words() -> None:
    def fail(process: FakeProcess) -> None:
        process.reporter.failed(ConfigurationError("REPARTEE_X: is wrong"))
        process.end(2)

    bench = Bench(fail)
    with pytest.raises(UserMistake, match="REPARTEE_X: is wrong"):
        await bench.workers.run()
    assert len(bench.began) == 2


async def test_a_worker_that_dies_without_a_word_before_it_serves_ends_the_first_start() -> None:
    bench = Bench(lambda process: process.end(-9) if process.number == 2 else None)
    with pytest.raises(RunFailed, match="worker 2 ended with status -9 before it served"):
        await bench.workers.run()


async def test_a_replacement_that_cannot_start_is_tried_again_ever_later_while_another_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serve_workers, "_LONGEST_PAUSE_SECONDS", 0.05)
    bench = Bench(well)
    over = asyncio.create_task(bench.workers.run())
    await bench.until(lambda: len(bench.heard) == 1)

    def fail(process: FakeProcess) -> None:
        process.reporter.failed(ConfigurationError("no"))
        process.end(2)

    bench.begin = fail
    bench.began[0].end(-11)
    await bench.until(lambda: len(bench.began) >= 6)
    assert not over.done()
    bench.began[1].end(-9)
    with pytest.raises(UserMistake, match="no"):
        await over


async def test_a_second_signal_is_passed_on_and_what_does_not_end_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serve_workers, "_CUT_OFF_SECONDS", 0.05)

    def deaf(process: FakeProcess) -> None:
        process.obeys = False
        well(process)

    bench = Bench(deaf)
    over = asyncio.create_task(bench.workers.run())
    await bench.until(lambda: len(bench.heard) == 1)
    bench.workers.stop(signal.SIGINT)
    await asyncio.sleep(0.1)
    assert not over.done()
    bench.workers.stop(signal.SIGINT)
    assert await over == 130
    assert [process.told[:3] for process in bench.began] == [["terminate", "terminate", "kill"]] * 2


async def test_a_worker_whose_event_loop_stands_still_is_killed_and_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serve_workers, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(serve_workers, "_SILENT_BEATS", 3)

    def silent(process: FakeProcess) -> None:
        well(process)
        process.reporter._connection.close()

    bench = Bench(silent)
    over = asyncio.create_task(bench.workers.run())
    bench.begin = well
    await bench.until(lambda: len(bench.began) >= 4)
    assert [process.told for process in bench.began[:2]] == [["kill"], ["kill"]]
    bench.workers.stop()
    assert await over == 0


async def test_the_end_of_the_pipe_ends_all() -> None:
    bench = Bench(well)
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe:
        over = asyncio.create_task(bench.workers.run(until_end_of=pipe))
        await bench.until(lambda: len(bench.heard) == 1)
        os.close(writing)
        assert await over == 0
