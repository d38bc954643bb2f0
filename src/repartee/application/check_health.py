"""Whether the service can do its job, dependency by dependency."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from pydantic import BaseModel

from repartee.domain.errors import ReparteeError


class DependencyHealth(BaseModel):
    """One dependency. `code` and `detail` say what is wrong."""

    status: Literal["ok", "error"]
    code: str | None = None
    detail: str | None = None


class Health(BaseModel):
    """`ready`: all well. `degraded`: replies come, without facts. `unavailable`: no replies."""

    status: Literal["ready", "degraded", "unavailable", "draining"]
    dependencies: dict[str, DependencyHealth]


class CheckHealth:
    """Ask every dependency; only the model is needed for a reply, the others degrade it.

    Answers are kept for a few seconds, so that probes do not become load. A dependency whose circuit is open
    fails without being asked.
    """

    def __init__(
        self,
        checks: Mapping[str, Callable[[], Awaitable[None]]],
        timeout_seconds: float = 2.0,
        keep_seconds: float = 5.0,
        refusals: Callable[[], Mapping[str, ReparteeError]] = dict,
    ) -> None:
        self._refusals = refusals
        self._checks = checks
        self._timeout_seconds = timeout_seconds
        self._keep_seconds = keep_seconds
        self._lock = asyncio.Lock()
        self._kept: tuple[float, dict[str, DependencyHealth]] | None = None
        self.draining = False

    async def __call__(self) -> Health:
        """Return the health, at most `keep_seconds` old."""
        if self.draining:
            return Health(status="draining", dependencies={})
        async with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > self._keep_seconds:
                self._kept = (time.monotonic(), await self._asked())
            kept = self._kept[1]
        refused = {name: _failure(error) for name, error in self._refusals().items()}
        return _health(kept | refused)

    async def _asked(self) -> dict[str, DependencyHealth]:
        answers = await asyncio.gather(*(self._ask(check) for check in self._checks.values()))
        return dict(zip(self._checks, answers, strict=True))

    async def _ask(self, check: Callable[[], Awaitable[None]]) -> DependencyHealth:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await check()
        except TimeoutError:
            return DependencyHealth(status="error", code="upstream_timeout", detail="no answer in time")
        except ReparteeError as error:
            return _failure(error)
        return DependencyHealth(status="ok")


def _failure(error: ReparteeError) -> DependencyHealth:
    return DependencyHealth(status="error", code=error.code, detail=error.message)


def _health(dependencies: dict[str, DependencyHealth]) -> Health:
    failed = {name for name, answer in dependencies.items() if answer.status == "error"}
    status: Literal["ready", "degraded", "unavailable"] = (
        "unavailable" if "model" in failed else "degraded" if failed else "ready"
    )
    return Health(status=status, dependencies=dependencies)
