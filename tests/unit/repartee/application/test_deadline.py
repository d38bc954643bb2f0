import asyncio

import pytest

from repartee.application.deadline import TimeLimit, deadline_in, is_over_within, seconds_given, seconds_left
from repartee.domain.errors import DeadlineExceeded


async def test_work_past_the_deadline_is_cancelled() -> None:
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(DeadlineExceeded):
        async with deadline_in(0.01):
            await work()
    assert cancelled.is_set()


async def test_an_inner_deadline_cannot_outlive_the_outer_one() -> None:
    async with deadline_in(1), deadline_in(60):
        left = seconds_left()
    assert left is not None
    assert left <= 1


async def test_there_is_no_deadline_outside() -> None:
    async with deadline_in(1):
        pass
    assert seconds_left() is None


async def test_a_timeout_of_something_inside_is_not_taken_for_the_deadline() -> None:
    with pytest.raises(TimeoutError):
        async with deadline_in(5):
            raise TimeoutError


async def test_cancellation_from_outside_passes_through() -> None:
    async def work() -> None:
        async with deadline_in(5):
            await asyncio.sleep(5)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_a_deadline_gave_is_no_more_than_the_outer_one_had_left() -> None:
    assert seconds_given() is None
    async with deadline_in(0.5):
        assert seconds_given() == pytest.approx(0.5)
        async with deadline_in(60.0):
            assert 0 < (seconds_given() or 0) <= 0.5
        async with deadline_in(0.1):
            assert seconds_given() == pytest.approx(0.1)


async def test_work_past_the_outer_deadline_is_cancelled_inside_a_longer_one() -> None:
    started = asyncio.get_running_loop().time()
    with pytest.raises(DeadlineExceeded):
        async with deadline_in(0.02), deadline_in(60):
            await asyncio.sleep(10)
    assert asyncio.get_running_loop().time() - started < 2


async def test_a_deadline_is_over_within_the_time_that_it_has_left() -> None:
    assert not is_over_within(60)
    async with deadline_in(5):
        assert is_over_within(60)
        assert not is_over_within(1)
        async with deadline_in(60):
            assert is_over_within(10)


async def test_a_task_that_was_begun_inside_is_not_the_one_that_a_deadline_cancels() -> None:
    async def work() -> None:
        assert seconds_left() is not None
        assert not is_over_within(60)
        async with deadline_in(60):
            assert is_over_within(60)
            await asyncio.sleep(10)

    async with deadline_in(0.05):
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
    with pytest.raises(DeadlineExceeded):
        await task


async def test_a_time_out_that_took_the_deadlines_cancellation_for_its_own_is_the_deadline() -> None:
    async def work() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            raise TimeoutError from None

    with pytest.raises(DeadlineExceeded):
        async with deadline_in(0.01):
            await work()


async def test_limits_of_one_length_end_in_the_order_in_which_they_began() -> None:
    ended: list[int] = []

    async def limited(number: int) -> None:
        with pytest.raises(TimeoutError), TimeLimit(0.05):
            await asyncio.sleep(10)
        ended.append(number)

    tasks = []
    for number in range(5):
        tasks.append(asyncio.create_task(limited(number)))
        await asyncio.sleep(0.005)
    await asyncio.gather(*tasks)
    assert ended == [0, 1, 2, 3, 4]


async def test_a_limit_holds_after_the_one_that_set_the_timer_has_gone() -> None:
    loop = asyncio.get_running_loop()
    with TimeLimit(0.06):
        await asyncio.sleep(0.03)
    started = loop.time()
    with pytest.raises(TimeoutError), TimeLimit(0.06):
        await asyncio.sleep(10)
    assert 0.055 <= loop.time() - started < 1


async def test_a_limit_that_was_kept_cancels_nothing_later() -> None:
    with TimeLimit(0.02):
        pass
    await asyncio.sleep(0.06)
    assert asyncio.current_task() is not None


async def test_a_limits_cancellation_is_not_taken_for_somebody_elses() -> None:
    async def work() -> None:
        with TimeLimit(0.02):
            await asyncio.sleep(10)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(TimeoutError):
        await work()
    this = asyncio.current_task()
    assert this is not None
    assert this.cancelling() == 0


async def test_nested_limits_of_the_same_length_name_the_one_that_was_over() -> None:
    with pytest.raises(TimeoutError), TimeLimit(0.02), TimeLimit(0.5):
        await asyncio.sleep(10)


def test_a_limit_works_in_one_loop_after_another() -> None:
    async def work() -> None:
        with TimeLimit(0.02):
            await asyncio.sleep(10)

    for _ in range(3):
        with pytest.raises(TimeoutError):
            asyncio.run(work())
