import asyncio
import heapq

from hypothesis import given, settings
from hypothesis import strategies as st

from repartee_eval.runs.limits import AdaptiveLimit, Concurrency, Gate


def taken(limit: AdaptiveLimit, count: int) -> list[int]:
    numbers = []
    for _ in range(count):
        limit.in_flight += 1
        numbers.append(limit.sent())
    return numbers


def answered(limit: AdaptiveLimit, count: int) -> None:
    for _ in range(count):
        limit.answered()
        limit.in_flight -= 1


def simulated(concurrency: Concurrency, allowed: int, calls: int) -> tuple[float, int, int]:
    """Return the share of the time that an endpoint was busy, the most in flight, and the refusals.

    It answers after one second, and says 429 after a tenth where it already holds `allowed` calls.
    """
    limit = AdaptiveLimit(concurrency)
    events: list[tuple[float, int, bool]] = []
    now, held, well, refused, most = 0.0, 0, 0, 0, 0
    while well < calls:
        while limit.open:
            limit.in_flight += 1
            number = limit.sent()
            fits = held < allowed
            held += fits
            heapq.heappush(events, (now + (1 if fits else 0.1), number, fits))
        most = max(most, limit.in_flight)
        now, number, fits = heapq.heappop(events)
        if fits:
            limit.answered()
            held -= 1
            well += 1
        else:
            limit.refused(number)
            refused += 1
        limit.in_flight -= 1
    return calls / (now * min(allowed, concurrency.cap)), most, refused


def test_the_limit_doubles_in_one_answers_time_up_to_the_cap() -> None:
    limit = AdaptiveLimit(Concurrency(4, 14))
    taken(limit, 4)
    answered(limit, 1)
    assert limit.limit == 5
    for _ in range(20):
        taken(limit, limit.limit - limit.in_flight)
        answered(limit, 1)
    assert limit.limit == 14


def test_a_limit_that_is_not_used_up_does_not_grow() -> None:
    limit = AdaptiveLimit(Concurrency(8, 64))
    taken(limit, 3)
    answered(limit, 3)
    assert limit.limit == 8


def test_refusals_of_calls_that_were_in_flight_together_halve_it_once() -> None:
    limit = AdaptiveLimit(Concurrency(32, 64))
    numbers = taken(limit, 32)
    for number in numbers[:10]:
        limit.refused(number)
        limit.in_flight -= 1
    assert limit.limit == 16
    answered(limit, limit.in_flight)
    later = taken(limit, limit.limit)
    halved = limit.limit // 2
    limit.refused(later[0])
    assert limit.limit == halved


def test_it_never_goes_below_one() -> None:
    limit = AdaptiveLimit(Concurrency(1, 4))
    for _ in range(5):
        (number,) = taken(limit, 1)
        limit.refused(number)
        limit.in_flight -= 1
    assert limit.limit == 1


def test_an_endpoint_within_the_cap_is_kept_busy_all_the_time() -> None:
    busy, most, refused = simulated(Concurrency(64, 64), allowed=64, calls=6_400)
    assert busy >= 0.99
    assert (most, refused) == (64, 0)


def test_an_endpoint_with_a_limit_of_its_own_is_kept_busy_and_rarely_refuses() -> None:
    busy, _, refused = simulated(Concurrency(16, 256), allowed=64, calls=20_000)
    assert busy >= 0.95
    assert refused < 20_000 * 0.02


def test_an_endpoint_that_allows_more_later_gets_more() -> None:
    limit = AdaptiveLimit(Concurrency(8, 64))
    limit.refused(taken(limit, 8)[0])
    for _ in range(8_000):
        taken(limit, max(0, limit.limit - limit.in_flight))
        answered(limit, 1)
    assert limit.limit == 64


@settings(max_examples=50, deadline=None)
@given(start=st.integers(1, 40), more=st.integers(0, 40), allowed=st.integers(1, 60))
def test_no_more_than_the_cap_is_ever_in_flight(start: int, more: int, allowed: int) -> None:
    _, most, _ = simulated(Concurrency(start, start + more), allowed, calls=300)
    assert most <= start + more


async def test_calls_enter_in_the_order_in_which_they_came() -> None:
    gate = Gate(Concurrency(1, 1), lambda: 0.0, asyncio.sleep)
    entered: list[int] = []

    async def call(number: int) -> None:
        await gate.enter()
        entered.append(number)
        gate.leave()

    await gate.enter()
    calls = [asyncio.create_task(call(number)) for number in range(5)]
    await asyncio.sleep(0)
    assert entered == []
    gate.leave()
    await asyncio.gather(*calls)
    assert entered == list(range(5))


async def test_a_call_that_is_cancelled_while_it_waits_leaves_no_place_taken() -> None:
    gate = Gate(Concurrency(1, 1), lambda: 0.0, asyncio.sleep)
    await gate.enter()
    waiting = asyncio.create_task(gate.enter())
    await asyncio.sleep(0)
    gate.leave()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert gate.adaptive.in_flight == 0
    await asyncio.wait_for(gate.enter(), 1)


async def test_a_pause_is_never_longer_than_an_hour_and_never_cut_short() -> None:
    gate = Gate(Concurrency(1, 1), lambda: 0.0, asyncio.sleep)
    gate.pause(30)
    gate.pause(5)
    assert gate.pause_left == 30
    gate.pause(1e9)
    assert gate.pause_left == 3600
