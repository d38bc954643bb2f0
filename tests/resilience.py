"""The real service over a loopback upstream, with short deadlines, and what its answers are measured by."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from dishka import Provider, Scope, provide

from repartee.infrastructure.providers.upstreams import Upstreams
from repartee.infrastructure.settings import Settings
from repartee.integrations.transport import Upstream
from repartee.main import open_application
from tests.fakes import FakeTelemetry
from tests.loopback.upstream import LoopbackUpstream
from tests.serving import served

DEADLINE = 0.6
RETRIEVAL = 0.25
SLACK = 0.6
"""What a busy machine may add to a deadline. A protection that is missing costs seconds."""
GIVE_UP = 1.5


def say(text: str = "do you like tea?", **more: Any) -> dict[str, Any]:
    return {"character": "blaze", "messages": [{"role": "user", "text": text}], **more}


@dataclass(frozen=True)
class Outcome:
    """One answer: `status` is 0 where the client gave up. `body` is a document or the list of events."""

    status: int
    body: Any
    headers: dict[str, str]
    seconds: float

    @property
    def code(self) -> str | None:
        return self.body.get("code") if isinstance(self.body, dict) else None


class Unprotected(Provider):
    """Dependencies without circuits and budgets, with as many attempts as wanted."""

    scope = Scope.APP

    def __init__(self, attempts: int = 2) -> None:
        super().__init__()
        self._attempts = attempts

    @provide(override=True)
    def upstreams(self) -> Upstreams:
        return _Bare(self._attempts)


class _Bare(Upstreams):
    def __init__(self, attempts: int) -> None:
        super().__init__(FakeTelemetry())
        self._attempts = attempts

    def protected(self, dependency: str) -> Upstream:
        return Upstream(dependency, self._telemetry, self._attempts)


class Bench:
    """The service at `url` and the upstream behind it."""

    def __init__(self, url: str, upstream: LoopbackUpstream, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.upstream = upstream
        self._session = session

    async def post(self, body: dict[str, Any], path: str = "/generate") -> Outcome:
        """Ask as a client that gives up after 1.5 seconds."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(GIVE_UP), self._session.post(self.url + path, json=body) as response:
                raw = await response.read()
        except TimeoutError:
            return Outcome(0, None, {}, time.monotonic() - started)
        seconds = time.monotonic() - started
        headers = {name.lower(): value for name, value in response.headers.items()}
        if response.content_type == "text/event-stream":
            return Outcome(response.status, _events(raw), headers, seconds)
        return Outcome(response.status, orjson.loads(raw), headers, seconds)

    async def get(self, path: str) -> Any:
        async with self._session.get(self.url + path) as response:
            raw = await response.read()
        return orjson.loads(raw) if response.content_type == "application/json" else raw.decode()


def _events(raw: bytes) -> list[tuple[str, Any]]:
    blocks = [block.partition(b"\ndata: ") for block in raw.split(b"\n\n") if block.startswith(b"event: ")]
    return [(head.removeprefix(b"event: ").decode(), orjson.loads(data)) for head, _, data in blocks]


@asynccontextmanager
async def bench(folder: Path, *overrides: Provider, **sections: dict[str, Any]) -> AsyncIterator[Bench]:
    """Open the service: chat, embeddings and reranker at the upstream, the store in the folder."""
    async with LoopbackUpstream(dimension=1024) as upstream:
        settings = _settings(folder, upstream.url, sections)
        async with (
            open_application(settings, *overrides) as application,
            served(application.api) as url,
            aiohttp.ClientSession() as session,
        ):
            yield Bench(url, upstream, session)


def _settings(folder: Path, url: str, sections: dict[str, dict[str, Any]]) -> Settings:
    base: dict[str, dict[str, Any]] = {
        "llm": {"base_url": f"{url}/v1", "model": "first", "attempt_seconds": 20.0, "connect_seconds": 0.3},
        "cohere": {"api_key": "co-1", "base_url": url},
        "embedder": {"threshold": -1.0},
        "retrieval": {"deadline_seconds": RETRIEVAL},
        "reply": {"deadline_seconds": DEADLINE},
    }
    merged = {name: base.get(name, {}) | sections.get(name, {}) for name in base.keys() | sections.keys()}
    return Settings(_env_file=None, data_dir=folder, **merged)
