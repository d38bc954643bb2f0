"""Several streams at once, each in a task of its own, so that none waits for another."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class Pumped(Generic[T]):
    """What comes out of the streams: `(place, item)` as it comes, None once all have ended."""

    def __init__(self, count: int) -> None:
        self._queue: asyncio.Queue[tuple[int, T] | Exception | None] = asyncio.Queue(maxsize=1)
        self._open = count

    async def next(self) -> tuple[int, T] | None:
        """Return what comes next. Raises what a stream raised. A wait that is cancelled loses nothing."""
        while self._open:
            item = await self._queue.get()
            if isinstance(item, Exception):
                raise item
            if item is not None:
                return item
            self._open -= 1
        return None

    async def pump(self, place: int, source: AsyncGenerator[T, None]) -> None:
        """Read one stream to its end."""
        try:
            async with aclosing(source):
                async for item in source:
                    await self._queue.put((place, item))
        except Exception as error:  # noqa: BLE001  # raised again by `next`, in the task of the reader
            await self._queue.put(error)
        else:
            await self._queue.put(None)


@asynccontextmanager
async def pumped(*sources: AsyncGenerator[T, None]) -> AsyncIterator[Pumped[T]]:
    """Read the streams while the block runs; at its end all of them are closed."""
    streams: Pumped[T] = Pumped(len(sources))
    tasks = [asyncio.create_task(streams.pump(place, source)) for place, source in enumerate(sources)]
    try:
        yield streams
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def merged(sources: Sequence[AsyncGenerator[T, None]]) -> AsyncGenerator[tuple[int, T], None]:
    """Yield what the streams yield, as it comes, each with its stream's place. A failure closes all."""
    if len(sources) == 1:
        async with aclosing(sources[0]) as only:
            async for item in only:
                yield 0, item
        return
    async with pumped(*sources) as streams:
        while (placed := await streams.next()) is not None:
            yield placed
