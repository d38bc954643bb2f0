"""`ChatModel` by a name of the registry: what answers changes with a promotion, never within a request."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextvars import Context
from dataclasses import replace
from typing import Final

import structlog

from repartee.application.ports import (
    ChatModel,
    Completion,
    ModelSource,
    Prompt,
    Sampling,
    ServedModel,
    Telemetry,
)
from repartee.domain.errors import ConfigurationError, UpstreamUnavailable
from repartee.integrations.registry_alias import RegistryAlias, RegistryVersion, Stamp

_log = structlog.get_logger(__name__)

_AFTER_A_FAILURE_SECONDS: Final = 60.0


class NamedChatModel(ChatModel):
    """One model of a server of several: each request that names none asks for this one."""

    def __init__(self, model: ChatModel, name: str) -> None:
        self._model = model
        self._name = name

    @property
    def name(self) -> str:
        """The model's name at its server."""
        return self._name

    async def complete(self, prompt: Prompt, sampling: Sampling) -> Completion:
        """Return the whole answer. Raises UpstreamError."""
        return await self._model.complete(prompt, self._named(sampling))

    def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[str | Completion, None]:
        """Yield the answer in pieces, then whole. Raises UpstreamError."""
        return self._model.stream(prompt, self._named(sampling))

    async def check(self) -> None:
        """Ask the server. Raises UpstreamError."""
        await self._model.check()

    def _named(self, sampling: Sampling) -> Sampling:
        return replace(sampling, model=sampling.model or self._name)


class RegistryChatModel(ChatModel, ModelSource):
    """The model that an alias means.

    The alias file is looked at when a request begins, at most every `poll_seconds`. Another version is opened
    in the background; requests that began before it is ready keep the one they have. What cannot be opened or
    read is logged and counted, the version before it stays, and it is tried again a minute later. Where the
    alias ends, the last version goes on with `keeps_last`; otherwise there is nothing to serve.
    """

    def __init__(
        self,
        alias: RegistryAlias,
        opened: Callable[[RegistryVersion], Awaitable[ChatModel]],
        telemetry: Telemetry,
        *,
        poll_seconds: float,
        keeps_last: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._alias = alias
        self._opened = opened
        self._telemetry = telemetry
        self._poll_seconds = poll_seconds
        self._keeps_last = keeps_last
        self._clock = clock
        self._stamp: Stamp | None = None
        self._served: ServedModel | None = None
        self._next_look = 0.0
        self._opening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open what the alias means. Raises ConfigurationError where it is nothing and must be something."""
        self._stamp, self._next_look = self._alias.stamp(), self._clock() + self._poll_seconds
        version = self._alias.read()
        if version is not None:
            self._served = ServedModel(await self._opened(version), version.id)
        elif self._keeps_last:
            raise ConfigurationError(
                f"{self._alias.name} means no version yet: run `repartee-tune registry promote`"
            )

    def current(self) -> ServedModel | None:
        """Return what answers a request that begins now."""
        if self._clock() >= self._next_look and self._opening is None:
            self._next_look = self._clock() + self._poll_seconds
            self._look()
        return self._served

    @property
    def name(self) -> str:
        """The alias."""
        return self._alias.name

    async def complete(self, prompt: Prompt, sampling: Sampling) -> Completion:
        """Return the whole answer. Raises UpstreamError."""
        return await self._model().complete(prompt, sampling)

    def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[str | Completion, None]:
        """Yield the answer in pieces, then whole. Raises UpstreamError."""
        return self._model().stream(prompt, sampling)

    async def check(self) -> None:
        """Ask the model. Raises UpstreamError."""
        await self._model().check()

    async def close(self) -> None:
        """Stop opening what was promoted a moment ago."""
        if self._opening:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)

    def _model(self) -> ChatModel:
        served = self.current()
        if served is None:
            raise UpstreamUnavailable(f"{self._alias.name} means no version at present", "model")
        return served.model

    def _look(self) -> None:
        stamp = self._alias.stamp()
        if stamp == self._stamp:
            return
        try:
            version = self._alias.read()
        except ConfigurationError as error:
            self._failed(error)
            return
        if version is not None and (self._served is None or version.id != self._served.version):
            self._opening = asyncio.create_task(self._open(version, stamp), context=Context())
            return
        self._stamp = stamp
        if version is None and not self._keeps_last:
            self._served = None
        elif version is None:
            _log.warning("alias means nothing, its last version goes on", alias=self._alias.name)

    async def _open(self, version: RegistryVersion, stamp: Stamp | None) -> None:
        try:
            self._served = ServedModel(await self._opened(version), version.id)
            self._stamp = stamp
            _log.info("model changed", alias=self._alias.name, version=version.id)
        except ConfigurationError as error:
            self._failed(error)
        finally:
            self._opening = None

    def _failed(self, error: ConfigurationError) -> None:
        self._next_look = self._clock() + _AFTER_A_FAILURE_SECONDS
        self._telemetry.degraded("registry")
        _log.error("registry cannot be used, the version before stays", reason=error.message)
