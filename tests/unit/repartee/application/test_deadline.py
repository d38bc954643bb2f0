import asyncio

import pytest

from repartee.application.deadline import deadline_in, seconds_given, seconds_left
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
