"""Models by description: of a server, of a folder, or of the registry."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from repartee.application.ports import ChatModel, Telemetry
from repartee.domain.errors import ConfigurationError
from repartee.infrastructure.providers.upstreams import Upstreams
from repartee.infrastructure.settings import OPENROUTER, REGISTRY, Settings
from repartee.integrations.registry_alias import RegistryAlias, RegistryVersion
from repartee.integrations.registry_chat_model import NamedChatModel, RegistryChatModel
from repartee.integrations.transport import Upstream

_OPENROUTER_MODEL = "openrouter/auto"


@dataclass(frozen=True, slots=True)
class ModelPlace:
    """Where a model is: a `folder` in this process, else `model` at the server of `base_url`.

    `dependency` is its name in metrics. Without `is_required` a name of the registry may mean nothing.
    """

    dependency: str
    base_url: str | None = None
    api_key: str | None = None
    model: str | None = None
    fallbacks: Sequence[str] = ()
    folder: str | None = None
    base_folder: Path | None = None
    is_required: bool = True


class Models:
    """Opens models; each is closed with the stack that it was opened on."""

    def __init__(self, settings: Settings, upstreams: Upstreams, telemetry: Telemetry) -> None:
        self._settings = settings
        self._upstreams = upstreams
        self._telemetry = telemetry

    async def opened(self, place: ModelPlace, stack: AsyncExitStack) -> ChatModel:
        """Open a model. Raises ConfigurationError where it cannot be what the settings say."""
        if place.folder:
            return await self._of_folder(place, place.folder, stack)
        if place.model and place.model.startswith(REGISTRY):
            return await self._of_registry_at_server(place, place.model, stack)
        return self._of_server(place, place.model, stack)

    def _of_server(self, place: ModelPlace, model: str | None, stack: AsyncExitStack) -> ChatModel:
        # The vendor's package takes 0.5 s to import, which the offline service would pay for nothing.
        from repartee.integrations.openai_chat_model import OpenAIChatModel  # noqa: PLC0415

        llm = self._settings.llm
        made = OpenAIChatModel(
            base_url=place.base_url or OPENROUTER,
            api_key=place.api_key,
            model=model or (_OPENROUTER_MODEL if place.base_url in {None, OPENROUTER} else None),
            upstream=self._upstreams.protected(place.dependency),
            connect_timeout=llm.connect_seconds,
            attempt_timeout=llm.attempt_seconds,
            fallbacks=place.fallbacks,
        )
        stack.push_async_callback(made.close)
        return made

    async def _of_registry_at_server(self, place: ModelPlace, name: str, stack: AsyncExitStack) -> ChatModel:
        server = self._of_server(place, name, stack)

        async def opened(version: RegistryVersion) -> ChatModel:
            return NamedChatModel(server, version.id)

        return await self._of_registry(
            RegistryAlias(self._settings.registry_folder, name), opened, place, stack
        )

    async def _of_folder(self, place: ModelPlace, folder: str, stack: AsyncExitStack) -> ChatModel:
        upstream = Upstream(place.dependency, self._telemetry, attempts=1)
        if not folder.startswith(REGISTRY):
            load = partial(_transformers, self._settings, upstream, place.base_folder)
            model, close = await asyncio.to_thread(load, Path(folder), None)
            stack.push_async_callback(close)
            return model
        alias = RegistryAlias(self._settings.registry_folder, folder)

        async def opened(version: RegistryVersion) -> ChatModel:
            base = place.base_folder or alias.base(version)
            load = partial(_transformers, self._settings, upstream, base)
            # Its threads end with it, when the last request lets go of it.
            return (await asyncio.to_thread(load, version.folder, version.id))[0]

        return await self._of_registry(alias, opened, place, stack)

    async def _of_registry(
        self,
        alias: RegistryAlias,
        opened: Callable[[RegistryVersion], Awaitable[ChatModel]],
        place: ModelPlace,
        stack: AsyncExitStack,
    ) -> ChatModel:
        poll = self._settings.registry.poll_seconds
        model = RegistryChatModel(
            alias, opened, self._telemetry, poll_seconds=poll, keeps_last=place.is_required
        )
        await model.start()
        stack.push_async_callback(model.close)
        return model


def _transformers(
    settings: Settings, upstream: Upstream, base: Path | None, folder: Path, name: str | None
) -> tuple[ChatModel, Callable[[], Awaitable[None]]]:
    """Load a model in this process, and say how to close it. torch is imported here and nowhere else."""
    try:
        from repartee.integrations.transformers_chat_model import TransformersChatModel  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            f"a model in this process needs {error.name}: pip install 'repartee[local]'"
        ) from None
    llm = settings.llm
    model = TransformersChatModel(
        folder,
        upstream,
        base=base,
        name=name,
        attempt_timeout=llm.attempt_seconds,
        queue=llm.waiting,
        threads=llm.threads,
    )
    return model, model.close
