"""Clients that do everything at once: replies, streams, leaving, faults, facts, requests that are wrong."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from scripts.claims.hostile_requests import ALLOWED_FAILURES, FAULTS, VECTOR_FAULTS

PAUSE_SECONDS: Final = 0.02
USERS: Final = 10
TOPICS: Final = 20
"""Few, so that all facts that there can be are stored before the warm-up is over."""


@dataclass
class Traffic:
    """The clients of one service; what they got is counted."""

    url: str
    upstream: str
    session: aiohttp.ClientSession
    chance: random.Random
    statuses: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)

    async def ask(self, method: str, path: str, body: Any = None) -> int:
        """Make one request and return its status; a connection that breaks counts as a failure."""
        try:
            async with self.session.request(method, self.url + path, json=body) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.bad[f"{method} {path.split('/')[1]}: {type(error).__name__}"] += 1
            return 0
        self.statuses[answer.status] += 1
        if answer.status >= 500 and answer.status not in ALLOWED_FAILURES:
            self.bad[f"{method} {path.split('/')[1]}: status {answer.status}"] += 1
        streamed = answer.headers.get("content-type", "").startswith("text/event-stream")
        if streamed and not any(end in text for end in ("event: done", "event: error", "[DONE]", '"error"')):
            self.bad["a stream without an end"] += 1
        return answer.status

    def _user(self) -> str:
        return f"user-{self.chance.randrange(USERS)}"

    def turn(self, **more: Any) -> tuple[str, dict[str, Any]]:
        """Return a request for a reply, through one door or the other."""
        said = f"Do you remember topic {self.chance.randrange(TOPICS)}? " + "word " * self.chance.randrange(
            80
        )
        if self.chance.random() < 0.7:
            turn = {"character": "blaze", "messages": [{"role": "user", "text": said}]}
            return "/generate", turn | {"user": {"id": self._user()}} | more
        turn = {"model": "blaze", "messages": [{"role": "user", "content": said}], "user": self._user()}
        return "/v1/chat/completions", turn | more

    async def whole(self) -> None:
        """Ask for a reply."""
        await self.ask("POST", *self.turn())

    async def stream(self) -> None:
        """Ask for a stream and read it to its end."""
        await self.ask("POST", *self.turn(stream=True))

    async def leaver(self) -> None:
        """Ask, and leave at a random moment."""
        await self.break_next("chat", ["after=0.2", "stream-hang", "hang"])
        asking = asyncio.create_task(self.ask("POST", *self.turn(stream=self.chance.random() < 0.5)))
        await asyncio.wait([asking], timeout=self.chance.uniform(0.0, 0.1))
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    async def fault(self) -> None:
        """Ask while model or embedder is broken."""
        kind = self.chance.choice(("chat", "cohere_embed"))
        await self.break_next(kind, FAULTS if kind == "chat" else VECTOR_FAULTS)
        await self.ask("POST", *self.turn(stream=self.chance.random() < 0.5))

    async def break_next(self, endpoint: str, faults: Sequence[str]) -> None:
        """Let the next answer of an upstream go wrong: whoever asks next gets it."""
        body = {"endpoint": endpoint, "faults": [self.chance.choice(faults)]}
        async with self.session.post(f"{self.upstream}/loopback/script", json=body) as answer:
            await answer.read()

    async def facts(self) -> None:
        """Write facts that are few enough to be the same ones again, find, list or erase them."""
        path = f"/users/{self._user()}"
        drawn = self.chance.random()
        if drawn < 0.5:
            texts = [f"Topic {self.chance.randrange(TOPICS)} is dear to me." for _ in range(3)]
            await self.ask("POST", f"{path}/facts", {"facts": [{"text": text} for text in texts]})
        elif drawn < 0.7:
            await self.ask("GET", f"{path}/facts")
        elif drawn < 0.9:
            await self.ask("GET", f"{path}/facts/search?q=topic+{self.chance.randrange(TOPICS)}")
        else:
            await self.ask("DELETE", path)

    async def wrong(self) -> None:
        """Ask for what is not there, in a form that is not right."""
        body = self.chance.choice([{}, {"messages": 7}, {"character": "nobody", "messages": []}, []])
        await self.ask("POST", "/generate", body)

    async def client(self, until: float) -> None:
        """Ask one thing after another."""
        kinds: dict[Callable[[], Awaitable[None]], int] = {
            self.whole: 40, self.stream: 25, self.leaver: 8, self.fault: 7, self.facts: 15, self.wrong: 5,
        }  # fmt: skip
        while time.perf_counter() < until:
            [kind] = self.chance.choices(list(kinds), list(kinds.values()))
            self.kinds[kind.__name__] += 1
            await kind()
            await asyncio.sleep(PAUSE_SECONDS)
