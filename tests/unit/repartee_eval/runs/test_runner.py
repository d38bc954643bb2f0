import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from repartee_eval.errors import EvalError
from repartee_eval.runs.budget import Budget
from repartee_eval.runs.job import CallFailed
from repartee_eval.runs.limits import Concurrency
from repartee_eval.runs.retries import Retries
from repartee_eval.runs.runner import Runner
from repartee_eval.runs.store import Store
from repartee_eval.runs.summary import Progress, RunSummary
from tests.unit.repartee_eval.runs.jobs import (
    BUSY,
    DOWN,
    REFUSED,
    Endpoint,
    FakeJob,
    answer,
    jobs,
    key_of,
    opened,
)


class Waits:
    """A clock that moves by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = opened(tmp_path / "run")
    yield store
    store.close()


async def run(store: Store, of: list[FakeJob] | Iterator[FakeJob], **how: object) -> RunSummary:
    waits = Waits()
    how = {"sleep": waits.sleep, "clock": lambda: waits.now, "draw": lambda: 1.0} | how
    return await Runner(store, **how).run(of)  # type: ignore[arg-type] # what each test replaces


async def test_every_answer_is_kept_raw_with_what_it_cost(store: Store) -> None:
    summary = await run(store, [FakeJob("a", Endpoint(), [answer("not { parseable", 0.02)])])

    kept = store.answer(key_of("a"))
    assert kept
    assert kept.answer == answer("not { parseable", 0.02)
    assert (kept.endpoint, kept.attempts) == ("http://judge model", 1)
    assert summary.complete
    assert (summary.answered, summary.calls, summary.spent) == (1, 1, 0.02)


async def test_a_second_session_asks_only_for_what_has_no_answer(tmp_path: Path) -> None:
    to = Endpoint()
    store = opened(tmp_path / "run")
    await run(store, [FakeJob("a", to), FakeJob("b", to, [REFUSED])])
    store.close()
    store = opened(tmp_path / "run")
    summary = await run(store, jobs_named(to, "a", "b", "c"))
    left = list(store.failures())
    store.close()

    assert to.calls == {"a": 1, "b": 2, "c": 1}
    assert (summary.kept, summary.answered) == (1, 2)
    assert left == []


def jobs_named(to: Endpoint, *names: str) -> list[FakeJob]:
    return [FakeJob(name, to) for name in names]


async def test_jobs_of_one_key_are_sent_once(store: Store) -> None:
    to = Endpoint()
    refused = [FakeJob("b", to, [REFUSED]) for _ in range(2)]
    summary = await run(store, [*jobs_named(to, "a", "a"), *refused, FakeJob("a", to)])
    assert to.calls == {"a": 1, "b": 1}
    assert summary.duplicates == 3


async def test_a_fault_is_retried_with_doubling_waits_and_recorded_in_the_end(store: Store) -> None:
    waits = Waits()
    to = Endpoint()
    retries = Retries(attempts=4, base=0.5, longest=1.5)
    summary = await run(store, [FakeJob("a", to, [DOWN] * 9)], retries=retries, sleep=waits.sleep)
    failure = store.failure(key_of("a"))
    assert failure
    assert (failure.reason, failure.attempts, to.calls["a"]) == ("unavailable", 4, 4)
    assert waits.slept == [0.5, 1.0, 1.5]
    assert summary.failed == {"unavailable": 1}
    assert not summary.complete


async def test_what_no_retry_helps_is_sent_once(store: Store) -> None:
    to = Endpoint()
    await run(store, [FakeJob("a", to, [REFUSED])])
    assert to.calls["a"] == 1


async def test_a_429_does_not_use_up_the_attempts(store: Store) -> None:
    summary = await run(store, [FakeJob("a", Endpoint(), [BUSY] * 10)], retries=Retries(attempts=2))
    assert summary.answered == 1


async def test_retry_after_holds_back_every_call_of_the_endpoint(store: Store) -> None:
    waits = Waits()
    asked = CallFailed("rate_limited", "429", retryable=True, limited=True, retry_after=60)
    sent: list[float] = []

    class Timed(FakeJob):
        async def send(self) -> object:  # type: ignore[override] # what it returns is the fake's
            sent.append(waits.now)
            return await super().send()

    to = Endpoint()
    of = [Timed("a", to, [asked]), Timed("b", to), Timed("c", to)]
    await run(store, of, concurrency=Concurrency(1, 1), sleep=waits.sleep, clock=lambda: waits.now)
    assert sent[0] == 0
    assert min(sent[1:]) >= 60


async def test_an_attempt_has_a_time_limit_whatever_the_job_does(store: Store) -> None:
    summary = await run(store, [FakeJob("a", Endpoint(latency=9))], retries=Retries(attempts=1, seconds=0.05))
    assert summary.failed == {"timeout": 1}
    assert summary.spent == 0.01, "a call that was not answered in time may be charged"


async def test_jobs_are_pulled_as_there_is_room_for_them(store: Store) -> None:
    to = Endpoint()
    pulled = 0
    ahead = 0

    def pulling() -> Iterator[FakeJob]:
        nonlocal pulled, ahead
        for job in jobs(200, to):
            pulled += 1
            ahead = max(ahead, pulled - sum(to.calls.values()))
            yield job

    summary = await run(store, pulling(), concurrency=Concurrency(4, 4))
    assert summary.answered == 200
    assert to.most == 4
    assert ahead <= 2 * 4 + 1


async def test_the_place_is_held_until_the_answer_is_committed(store: Store) -> None:
    to = Endpoint()
    unfinished = 0
    commit = store.keep_answer

    async def slow(*values: object) -> None:
        nonlocal unfinished
        unfinished += 1
        assert unfinished + to.in_flight <= 3
        await asyncio.sleep(0.001)
        await commit(*values)  # type: ignore[arg-type] # passed on as they came
        unfinished -= 1

    store.keep_answer = slow  # type: ignore[method-assign]
    await run(store, jobs(30, to), concurrency=Concurrency(3, 3))
    assert to.calls.total() == 30


async def test_a_key_that_is_wrong_is_not_tried_a_thousand_times(store: Store) -> None:
    to = Endpoint()
    wrong = CallFailed("misconfigured", "401: check the API key")
    of = (FakeJob(f"{n}", to, [wrong]) for n in range(1000))
    summary = await run(store, of, concurrency=Concurrency(2, 2))
    assert to.calls.total() <= 6
    assert summary.failed == {"misconfigured": 1000}


async def test_a_spent_budget_leaves_a_record_of_every_call_that_was_not_made(store: Store) -> None:
    to = Endpoint()
    summary = await run(store, jobs(10, to), budget=Budget(money=0.035))
    assert to.calls.total() == 3
    assert summary.failed == {"budget_spent": 7}
    assert summary.budget_spent
    assert "higher" in "\n".join(summary.lines())


async def test_the_budget_is_the_runs_not_the_sessions(store: Store) -> None:
    to = Endpoint()
    await run(store, jobs(2, to), budget=Budget(calls=3))
    summary = await run(store, jobs(10, to), budget=Budget(calls=3))
    assert to.calls.total() == 3
    assert summary.answered == 1


async def test_an_unknown_price_is_refused_under_a_budget_in_money(store: Store) -> None:
    to = Endpoint()
    with pytest.raises(EvalError, match=r"price of http://judge model is not known"):
        await run(store, [FakeJob("a", to, worst_cost=None)], budget=Budget(money=1))
    assert to.calls.total() == 0


async def test_a_stop_lets_calls_in_flight_end_and_takes_no_more(store: Store) -> None:
    to = Endpoint(latency=0.05)
    runner = Runner(store, concurrency=Concurrency(4, 4))
    asyncio.get_running_loop().call_later(0.02, runner.stop)
    summary = await runner.run(jobs(100, to))
    assert summary.stopped
    assert (summary.answered, summary.abandoned, to.calls.total()) == (4, 0, 4)
    assert store.spending().unknown_calls == 0


async def test_a_stop_waits_no_longer_than_the_grace(store: Store) -> None:
    runner = Runner(store, concurrency=Concurrency(4, 4), grace=0.05)
    asyncio.get_running_loop().call_later(0.02, runner.stop)
    summary = await runner.run(jobs(100, Endpoint(latency=60)))
    assert (summary.answered, summary.abandoned) == (0, 4)
    assert store.spending().unknown_calls == 4
    assert store.spending().unknown_money == pytest.approx(0.04)
    assert store.spending().money == pytest.approx(0.04)


async def test_a_call_that_is_stopped_between_attempts_is_left_for_the_next_session(store: Store) -> None:
    to = Endpoint()
    runner = Runner(store, retries=Retries(base=60, longest=60), draw=lambda: 1.0)
    asyncio.get_running_loop().call_later(0.05, runner.stop)
    await runner.run([FakeJob("a", to, [DOWN])])
    assert store.failure(key_of("a")) is None
    assert store.outcome(key_of("a")) is None


async def test_a_programming_error_in_a_job_is_not_swallowed(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        await run(store, [FakeJob("a", Endpoint(), [ZeroDivisionError()])])


async def test_progress_says_what_is_done_and_in_flight(store: Store) -> None:
    said: list[Progress] = []
    to = Endpoint(latency=0.02)
    await Runner(store, concurrency=Concurrency(2, 2)).run(jobs(40, to), said.append, total=40)
    assert said[-1].done == said[-1].answered == 40
    assert any(state.in_flight == 2 for progress in said for state in progress.endpoints)
