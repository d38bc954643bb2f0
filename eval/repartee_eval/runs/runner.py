"""Sends the calls of a run: as fast as the endpoints allow, each until it has an outcome, none twice."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from repartee_eval.errors import EvalError
from repartee_eval.runs.budget import Budget, Ledger, require_price
from repartee_eval.runs.calls import Calls, Lane
from repartee_eval.runs.job import Job
from repartee_eval.runs.limits import Concurrency, Gate
from repartee_eval.runs.retries import Retries
from repartee_eval.runs.store import Store
from repartee_eval.runs.summary import EndpointState, Progress, RunSummary

OnProgress = Callable[[Progress], None]
_SECONDS_BETWEEN_REPORTS: Final = 0.2
_SKIPS_BETWEEN_PAUSES: Final = 256


class Runner:
    """One session over jobs. Jobs are pulled as there is room for them: two windows per endpoint are held.

    Where jobs go to several endpoints, mix them: the first job without room holds back those behind it.
    Clock (monotonic seconds), sleep and random number can be replaced in tests. Use a runner once.
    """

    def __init__(
        self,
        store: Store,
        *,
        concurrency: Concurrency | None = None,
        retries: Retries | None = None,
        budget: Budget | None = None,
        grace: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._concurrency = concurrency or Concurrency()
        self._budget = budget or Budget()
        self._grace = grace
        self._clock = clock
        self._sleep = sleep
        self._before = store.spending()
        self._ledger = Ledger(self._budget, self._before)
        self._calls = Calls(store, self._ledger, retries or Retries(), sleep, draw)
        self._lanes: dict[str, Lane] = {}
        self._open: dict[asyncio.Task[None], Lane] = {}
        self._pending: set[str] = set()
        self._changed = asyncio.Event()
        self._error: BaseException | None = None
        self._kept = self._duplicates = self._abandoned = 0

    def stop(self) -> None:
        """Take no more jobs; calls in flight get the grace to end."""
        self._calls.stopping = True
        self._changed.set()

    async def run(
        self, jobs: Iterable[Job], on_progress: OnProgress | None = None, total: int | None = None
    ) -> RunSummary:
        """Return once every job has an outcome, or a stop ended the session.

        Raises EvalError where the disk refuses, or for an unknown price under a budget in money.
        """
        started = self._clock()
        reporting = asyncio.create_task(self._report(on_progress, total, started))
        try:
            await self._feed(jobs)
            await self._drain()
        except EvalError:  # what is in flight is paid for
            await self._drain()
            raise
        finally:
            await _cancelled([reporting, *self._open])
            if on_progress:
                on_progress(self._progress(total, started))
        if self._error:
            raise self._error
        return self._summary(self._clock() - started)

    # --- jobs in, outcomes out ------------------------------------------------------------------------

    async def _feed(self, jobs: Iterable[Job]) -> None:
        skipped = 0
        for job in jobs:
            if self._over():
                return
            if self._known(job.key):
                skipped += 1
                if skipped % _SKIPS_BETWEEN_PAUSES == 0:
                    await asyncio.sleep(0)
                continue
            lane = self._lane(job.endpoint)
            while lane.jobs >= 2 * self._concurrency.cap and not self._over():
                await self._change()
            if self._over():
                return
            require_price(self._budget, job.endpoint, job.worst_cost)
            self._start(job, lane)

    def _over(self) -> bool:
        return self._calls.stopping or self._error is not None

    def _known(self, key: str) -> bool:
        """Return whether the call has, or is about to have, an outcome that is not to be changed."""
        known = "now" if key in self._pending else self._store.outcome(key)
        self._kept += known == "before"
        self._duplicates += known == "now"
        return known is not None

    def _lane(self, endpoint: str) -> Lane:
        lane = self._lanes.get(endpoint)
        if lane is None:
            lane = Lane(endpoint, Gate(self._concurrency, self._clock, self._sleep))
            self._lanes[endpoint] = lane
        return lane

    def _start(self, job: Job, lane: Lane) -> None:
        key = job.key
        task = asyncio.create_task(self._calls.make(job, lane))
        self._pending.add(key)
        self._open[task] = lane
        lane.jobs += 1
        task.add_done_callback(lambda done: self._ended(done, key))

    def _ended(self, task: asyncio.Task[None], key: str) -> None:
        self._open.pop(task).jobs -= 1
        self._pending.discard(key)
        if not task.cancelled() and (error := task.exception()):
            self._error = self._error or error
        self._changed.set()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def _drain(self) -> None:
        """Wait for the open calls; after a stop for those that are sent, and no longer than the grace."""
        while self._open and not self._over():
            await self._change()
        if self._open and self._error is None:
            await _cancelled([task for task in self._open if task not in self._calls.sending])
        if self._open and self._error is None:
            await asyncio.wait(list(self._open), timeout=self._grace)
        self._abandoned = len(self._open)

    # --- what it says ---------------------------------------------------------------------------------

    async def _report(self, on_progress: OnProgress | None, total: int | None, started: float) -> None:
        while on_progress:
            on_progress(self._progress(total, started))
            await asyncio.sleep(_SECONDS_BETWEEN_REPORTS)

    def _progress(self, total: int | None, started: float) -> Progress:
        endpoints = tuple(
            EndpointState(
                lane.endpoint, lane.gate.adaptive.in_flight, lane.gate.adaptive.limit, lane.gate.pause_left
            )
            for lane in self._lanes.values()
        )
        return Progress(
            total=total,
            answered=self._calls.answers,
            kept=self._kept,
            failed=dict(self._calls.failures),
            spent=self._ledger.spent,
            calls=self._ledger.calls,
            seconds=self._clock() - started,
            endpoints=endpoints,
            stopping=self._calls.stopping,
        )

    def _summary(self, seconds: float) -> RunSummary:
        return RunSummary(
            answered=self._calls.answers,
            kept=self._kept,
            duplicates=self._duplicates,
            failed=dict(self._calls.failures),
            calls=self._ledger.calls - self._before.calls,
            spent=self._ledger.spent - self._before.money,
            before=self._before,
            seconds=seconds,
            stopped=self._calls.stopping,
            abandoned=self._abandoned,
        )


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
