import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from repartee.application.merged_streams import merged


class Source:
    """Yields numbers, each after a pause, then raises where it is told to."""

    def __init__(self, count: int, pause: float = 0.0, failure: Exception | None = None) -> None:
        self.count, self.pause, self.failure, self.closed = count, pause, failure, False

    async def items(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(self.count):
                await asyncio.sleep(self.pause)
                yield number
            if self.failure:
                raise self.failure
        finally:
            self.closed = True


@pytest.mark.parametrize("count", [1, 2, 5])
async def test_every_item_comes_once_with_its_place_and_in_its_own_order(count: int) -> None:
    seen = [placed async for placed in merged([Source(4, 0.001).items() for _ in range(count)])]
    assert sorted(seen) == [(place, number) for place in range(count) for number in range(4)]
    for place in range(count):
        assert [number for at, number in seen if at == place] == [0, 1, 2, 3]


async def test_a_slow_stream_does_not_hold_a_fast_one_up() -> None:
    slow, fast = Source(1, pause=30), Source(3)
    async with asyncio.timeout(2), aclosing(merged([slow.items(), fast.items()])) as items:
        assert [await anext(items) for _ in range(3)] == [(1, 0), (1, 1), (1, 2)]
    assert slow.closed


async def test_a_failure_comes_out_and_closes_the_others() -> None:
    bad, other = Source(1, failure=RuntimeError("bad")), Source(100, pause=30)
    with pytest.raises(RuntimeError, match="bad"):
        async with asyncio.timeout(2):
            async for _ in merged([bad.items(), other.items()]):
                pass
    assert other.closed


@pytest.mark.parametrize("count", [1, 3])
async def test_closing_early_closes_every_stream(count: int) -> None:
    sources = [Source(100, 0.001) for _ in range(count)]
    async with aclosing(merged([source.items() for source in sources])) as items:
        await anext(items)
        await asyncio.sleep(0.01)
    assert all(source.closed for source in sources)
