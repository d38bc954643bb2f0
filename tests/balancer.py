"""A balancer in the test's own event loop: round robin over instances whose `/readyz` answers 200."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
from aiohttp import web

_INTERVAL = 0.1


class Balancer:
    """Passes requests on to instances that are ready, one attempt each, over connections that it keeps."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.url = ""
        self.sent: dict[str, int] = {}
        self._session = session
        self._ready: dict[str, bool] = {}
        self._turn = 0

    @property
    def ready(self) -> list[str]:
        return [url for url, is_ready in self._ready.items() if is_ready]

    def add(self, url: str) -> None:
        self._ready[url] = False
        self.sent[url] = 0

    def remove(self, url: str) -> None:
        self._ready.pop(url, None)

    async def until(self, count: int) -> None:
        """Wait until so many instances are ready."""
        async with asyncio.timeout(20):
            while len(self.ready) != count:
                await asyncio.sleep(0.02)

    async def look(self) -> None:
        while True:
            await asyncio.gather(*(self._look_at(url) for url in list(self._ready)))
            await asyncio.sleep(_INTERVAL)

    async def _look_at(self, url: str) -> None:
        answers = False
        with suppress(aiohttp.ClientError, TimeoutError):
            async with asyncio.timeout(1.0), self._session.get(url + "/readyz") as response:
                answers = response.status == 200
        if url in self._ready:
            self._ready[url] = answers

    async def pass_on(self, request: web.Request) -> web.Response:
        ready = self.ready
        if not ready:
            return web.Response(status=599, text="nobody is ready")
        self._turn += 1
        url = ready[self._turn % len(ready)]
        self.sent[url] += 1
        try:
            body = await request.read()
            headers = {"content-type": "application/json"}
            async with self._session.post(url + request.path, data=body, headers=headers) as answer:
                return web.Response(status=answer.status, body=await answer.read())
        except aiohttp.ClientError as error:
            return web.Response(status=599, text=type(error).__name__)


@asynccontextmanager
async def balancer(*urls: str) -> AsyncIterator[Balancer]:
    """Run a balancer before these instances, all of them ready."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        made = Balancer(session)
        for url in urls:
            made.add(url)
        app = web.Application()
        app.router.add_post("/{path:.*}", made.pass_on)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        looking = asyncio.create_task(made.look())
        await made.until(len(urls))
        try:
            yield made
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            await runner.cleanup()
