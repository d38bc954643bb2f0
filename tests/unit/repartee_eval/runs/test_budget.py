import asyncio
import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from repartee_eval.runs.budget import Budget, Ledger
from repartee_eval.runs.job import Answer, CallFailed
from repartee_eval.runs.limits import Concurrency
from repartee_eval.runs.records import Spending
from repartee_eval.runs.retries import Retries
from repartee_eval.runs.runner import Runner
from repartee_eval.runs.store import Store
from tests.unit.repartee_eval.runs.jobs import Endpoint, FakeJob, answer


class Charging(FakeJob):
    """Charges at most its worst cost per attempt, whether it answers or not, and adds it to the bill."""

    def __init__(self, name: str, worst: float, draw: random.Random, bill: list[float]) -> None:
        super().__init__(name, Endpoint(), worst_cost=worst)
        self._draw = draw
        self._bill = bill

    async def send(self) -> Answer:
        assert self.worst_cost is not None
        cost = self.worst_cost * self._draw.choice([0, 0.3, 1])
        await asyncio.sleep(0)
        self._bill.append(cost)
        if self._draw.random() < 0.3:
            raise CallFailed("timeout", "no answer", retryable=True)
        return answer(cost=self._draw.choice([cost, None]) if cost == self.worst_cost else cost)


@settings(max_examples=25, deadline=None)
@given(
    worst=st.lists(st.floats(0, 1), min_size=1, max_size=30),
    money=st.floats(0, 5),
    calls=st.none() | st.integers(0, 30),
    at_once=st.integers(1, 20),
    seed=st.integers(0, 1000),
)
def test_no_run_costs_more_than_its_budget(
    worst: list[float], money: float, calls: int | None, at_once: int, seed: int
) -> None:
    bill: list[float] = []
    draw = random.Random(seed)
    of = [Charging(f"{n}", cost, draw, bill) for n, cost in enumerate(worst)]

    async def session(folder: Path) -> None:
        store = Store(folder)
        try:
            runner = Runner(
                store,
                concurrency=Concurrency(at_once, at_once),
                budget=Budget(money, calls),
                retries=Retries(base=1e-6),
            )
            summary = await runner.run(of)
            assert summary.answered + summary.kept + sum(summary.failed.values()) == len(worst)
            assert store.spending().money >= sum(bill) - 1e-6
        finally:
            store.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(session(Path(folder)))
        asyncio.run(session(Path(folder)))
    assert sum(bill) <= money + 1e-6
    assert calls is None or len(bill) <= calls


async def test_a_reservation_waits_for_what_others_may_give_back() -> None:
    ledger = Ledger(Budget(money=1.0), Spending())
    assert await ledger.reserve("e", 0.8)
    waiting = asyncio.create_task(ledger.reserve("e", 0.8))
    await asyncio.sleep(0)
    assert not waiting.done()
    ledger.settle(0.8, 0.1)
    assert await waiting


async def test_a_call_of_unknown_outcome_counts_at_its_worst() -> None:
    ledger = Ledger(Budget(money=1.0), Spending(calls=1, money=0.9, unknown_calls=1, unknown_money=0.9))
    assert not await ledger.reserve("e", 0.2)
    assert ledger.exhausted
