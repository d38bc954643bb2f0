from repartee.integrations.retry_budget import RetryBudget
from tests.fakes import FakeClock


def test_retries_are_a_tenth_of_the_calls_over_a_small_reserve() -> None:
    budget, retries = RetryBudget(clock=FakeClock()), 0
    for _ in range(1_000):
        budget.called()
        retries += budget.spend()
    assert 100 <= retries <= 106


def test_the_reserve_is_all_that_calm_times_save_up() -> None:
    budget = RetryBudget(clock=FakeClock())
    for _ in range(10_000):
        budget.called()
    assert sum(budget.spend() for _ in range(100)) == 5


def test_a_service_with_few_calls_gets_a_retry_back_in_ten_seconds() -> None:
    clock = FakeClock()
    budget = RetryBudget(clock=clock)
    while budget.spend():
        pass
    clock.now += 9.0
    assert not budget.spend()
    clock.now += 1.1
    assert budget.spend()
