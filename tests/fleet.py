"""Two instances of the service behind a balancer, and clients that keep asking."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp

from tests.balancer import Balancer, balancer
from tests.processes import Service, loopback_upstream

BODY = {"character": "blaze", "messages": [{"role": "user", "text": "hello"}]}


class Fleet:
    """The instances; `replace_all` is a rollout: a new one is ready before an old one is told to stop."""

    def __init__(self, folder: Path, upstream: str, drain: str) -> None:
        self.services: list[Service] = []
        self.balancer: Balancer
        self._folder = folder
        self._upstream = upstream
        self._drain = drain
        self._started: list[Service] = []

    @property
    def url(self) -> str:
        return self.balancer.url

    async def start(self) -> Service:
        folder = self._folder / str(len(self._started))
        made = await asyncio.to_thread(
            Service,
            folder / "var",
            cwd=folder,
            REPARTEE_LLM__BASE_URL=f"{self._upstream}/v1",
            REPARTEE_API__DRAIN_SECONDS=self._drain,
        )
        self._started.append(made)
        self.services.append(made)
        return made

    async def replace_all(self) -> None:
        for old in list(self.services):
            new = await self.start()
            self.balancer.add(new.url)
            await self.balancer.until(3)
            assert await asyncio.to_thread(old.stop) == 0
            self.balancer.remove(old.url)
            self.services.remove(old)

    def kill(self) -> None:
        for one in self._started:
            one.process.kill()
            one.process.wait()


@asynccontextmanager
async def fleet(folder: Path, drain: str) -> AsyncIterator[Fleet]:
    """Run two instances behind a balancer."""
    with loopback_upstream() as upstream:
        made = Fleet(folder, upstream, drain)
        try:
            for _ in range(2):
                await made.start()
            async with balancer(*(one.url for one in made.services)) as before:
                made.balancer = before
                yield made
        finally:
            made.kill()


@asynccontextmanager
async def loaded(url: str, at_once: int, pause: float) -> AsyncIterator[list[int]]:
    """Keep asking while the block runs; the value collects the statuses, 0 for a broken connection."""
    statuses: list[int] = []

    async def keep_asking(session: aiohttp.ClientSession) -> None:
        while True:
            status = 0
            with suppress(aiohttp.ClientError):
                async with session.post(url + "/generate", json=BODY) as response:
                    await response.read()
                    status = response.status
            statuses.append(status)
            await asyncio.sleep(pause)

    async with aiohttp.ClientSession() as session:
        asking = [asyncio.create_task(keep_asking(session)) for _ in range(at_once)]
        try:
            yield statuses
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
