"""One call from its place in the queue to its committed outcome."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from repartee_eval.runs.budget import Ledger
from repartee_eval.runs.job import Answer, CallFailed, Job
from repartee_eval.runs.limits import Gate
from repartee_eval.runs.retries import Retries, Tries
from repartee_eval.runs.store import UNBILLED, Store
from repartee_eval.verdict_rows import Failure

_HALTS_AFTER: Final[dict[Failure, int]] = {"misconfigured": 5, "out_of_credits": 5, "unreachable": 20}


class Lane:
    """What the calls of one endpoint share: the gate, and the end of it where nothing gets through.

    After several calls in a row that failed for a reason that the next call will meet as well, no more are
    sent in this session; the rest is recorded with the same reason.
    """

    def __init__(self, endpoint: str, gate: Gate) -> None:
        self.endpoint = endpoint
        self.gate = gate
        self.jobs = 0
        self.halted: CallFailed | None = None
        self._in_a_row: Counter[Failure] = Counter()

    def answered(self) -> None:
        """Learn that the endpoint works."""
        self.gate.adaptive.answered()
        self._in_a_row.clear()

    def failed(self, failure: CallFailed) -> None:
        """Learn that a call failed for good."""
        self._in_a_row[failure.reason] += 1
        count = self._in_a_row[failure.reason]
        if self.halted is None and count >= _HALTS_AFTER.get(failure.reason, count + 1):
            self.halted = CallFailed(failure.reason, f"not sent, after {count} calls in a row: {failure}")


class Calls:
    """Makes calls: place, reservation, intent, attempt, commit; and again where a retry may help.

    A call keeps its place until its outcome is committed, so calls that a dead process leaves open are never
    more than the limit.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        retries: Retries,
        sleep: Callable[[float], Awaitable[None]],
        draw: Callable[[], float],
    ) -> None:
        self.answers = 0
        self.failures: Counter[Failure] = Counter()
        self.sending: set[asyncio.Task[None]] = set()
        self.stopping = False
        self._store = store
        self._ledger = ledger
        self._retries = retries
        self._sleep = sleep
        self._draw = draw

    async def make(self, job: Job, lane: Lane) -> None:
        """Return once the outcome is committed. Raises EvalError where it cannot be."""
        tries = Tries(self._retries)
        wait: float | None = 0.0
        while wait is not None:
            if wait:
                await self._sleep(wait)
            number = await lane.gate.enter()
            try:
                wait = await self._attempt(job, lane, number, tries)
            finally:
                lane.gate.leave()

    async def _attempt(self, job: Job, lane: Lane, number: int, tries: Tries) -> float | None:
        """Return the seconds to wait before the next attempt, None where the call has its outcome."""
        if lane.halted:
            await self._give_up(job, lane.halted, tries)
            return None
        if not await self._ledger.reserve(job.endpoint, job.worst_cost):
            await self._give_up(job, CallFailed("budget_spent", "the budget has no room for it"), tries)
            return None
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("calls are made by tasks")
        self.sending.add(task)
        try:
            return await self._send(job, lane, number, tries)
        finally:
            self.sending.discard(task)

    async def _send(self, job: Job, lane: Lane, number: int, tries: Tries) -> float | None:
        attempt = await self._store.begin(job)
        tries.made += 1
        outcome = await self._outcome(job)
        if isinstance(outcome, Answer):
            self._ledger.settle(job.worst_cost, outcome.cost)
            await self._store.keep_answer(attempt, job, outcome, tries.made)
            self.answers += 1
            lane.answered()
            return None
        self._ledger.settle(job.worst_cost, 0.0 if outcome.reason in UNBILLED else None)
        self._heed(outcome, lane, number)
        again = tries.again(outcome)
        if again or self.stopping:  # stopped: a retry that is not made is left for the next session
            await self._store.end_attempt(attempt, job, outcome.reason)
            return tries.wait(outcome, self._draw()) if not self.stopping else None
        await self._give_up(job, outcome, tries, attempt)
        lane.failed(outcome)
        return None

    async def _outcome(self, job: Job) -> Answer | CallFailed:
        seconds = self._retries.seconds
        try:
            async with asyncio.timeout(seconds):
                return await job.send()
        except TimeoutError:
            return CallFailed("timeout", f"no answer within {seconds:g} s", retryable=True)
        except CallFailed as failure:
            return failure

    def _heed(self, failure: CallFailed, lane: Lane, number: int) -> None:
        if failure.limited:
            lane.gate.adaptive.refused(number)
        if failure.retry_after is not None:
            lane.gate.pause(failure.retry_after)

    async def _give_up(self, job: Job, failure: CallFailed, tries: Tries, attempt: int | None = None) -> None:
        await self._store.keep_failure(job, failure, tries.made, attempt)
        self.failures[failure.reason] += 1
