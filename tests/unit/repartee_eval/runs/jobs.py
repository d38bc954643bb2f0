"""Jobs that answer by a script, without a network."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from repartee_eval.runs.job import Answer, CallFailed
from repartee_eval.runs.store import Store

Outcome = Answer | Exception
BUSY = CallFailed("rate_limited", "429: too many requests", retryable=True, limited=True)
DOWN = CallFailed("unavailable", "503: the server failed", retryable=True)
REFUSED = CallFailed("refused", "400: it does not accept this request")


def key_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def answer(raw: str = "1", cost: float | None = 0.01) -> Answer:
    return Answer(raw, 0.5, cost, 10, 2, "model")


@dataclass
class Endpoint:
    """Counts the calls that it gets, and how many at once."""

    name: str = "http://judge model"
    latency: float = 0.0
    calls: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    most: int = 0


@dataclass
class FakeJob:
    """Gives its outcomes one after the other, then answers."""

    name: str
    to: Endpoint
    outcomes: list[Outcome] = field(default_factory=list)
    worst_cost: float | None = 0.01

    @property
    def key(self) -> str:
        return key_of(self.name)

    @property
    def endpoint(self) -> str:
        return self.to.name

    async def send(self) -> Answer:
        self.to.calls[self.name] += 1
        self.to.in_flight += 1
        self.to.most = max(self.to.most, self.to.in_flight)
        try:
            await asyncio.sleep(self.to.latency)
        finally:
            self.to.in_flight -= 1
        outcome = self.outcomes.pop(0) if self.outcomes else answer(self.name)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def jobs(count: int, to: Endpoint) -> Iterator[FakeJob]:
    return (FakeJob(f"item {number}", to) for number in range(count))


def opened(folder: Path) -> Store:
    folder.mkdir(exist_ok=True)
    return Store(folder)
