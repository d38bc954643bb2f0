"""The arms, and the shadow."""

from collections.abc import AsyncIterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from dishka import Provider, Scope, provide

from repartee.application.arms import Arm, Arms, ChosenArm, FixedModel
from repartee.application.compose_prompt import ComposePrompt
from repartee.application.model_profile import ModelProfiles
from repartee.application.ports import ChatModel, EventLog, ModelSource, Telemetry, TokenCounter
from repartee.application.shadow_replies import ShadowPolicy, ShadowReplies
from repartee.domain.errors import ConfigurationError
from repartee.infrastructure.arms_file import SHADOW, VARIABLE, ArmsFile, ModelEntry, load_arms
from repartee.infrastructure.providers.models import ModelPlace, Models
from repartee.infrastructure.providers.prompt import budget_of
from repartee.infrastructure.settings import Settings, revealed
from repartee.integrations.mako_prompt_renderer import MakoPromptRenderer
from repartee.integrations.registry_chat_model import RegistryChatModel


@dataclass(frozen=True, slots=True)
class ArmParts:
    """What arms are made from, besides their entries."""

    settings: Settings
    models: Models
    own_model: ChatModel
    own_prompts: ComposePrompt
    counter: TokenCounter
    profiles: ModelProfiles
    file: ArmsFile | None

    async def arm(
        self, name: str, entry: ModelEntry, stack: AsyncExitStack, *, is_required: bool = False
    ) -> Arm:
        """Open one arm. Raises ConfigurationError that names it."""
        try:
            return Arm(
                name, await self._source(name, entry, stack, is_required), self._prompts(entry.prompts)
            )
        except ConfigurationError as error:
            raise ConfigurationError(f"{VARIABLE}: {name}: {error.message}") from None

    async def _source(
        self, name: str, entry: ModelEntry, stack: AsyncExitStack, is_required: bool
    ) -> ModelSource:
        if entry.is_own:
            return _source_of(self.own_model)
        llm = self.settings.llm
        url = entry.base_url or llm.base_url
        if not (entry.folder or entry.base_url) and llm.is_offline:
            raise ConfigurationError("model needs base_url, or REPARTEE_LLM__BASE_URL")
        keys = self.settings.arms.keys_of_arms
        own_key = revealed(llm.api_key) if url == llm.base_url else None  # a key goes to its own server only
        place = ModelPlace(
            dependency=f"model-{name}",
            base_url=url,
            api_key=keys.get(name) or own_key,
            model=entry.model,
            folder=entry.folder,
            base_folder=entry.base_folder,
            is_required=is_required,
        )
        return _source_of(await self.models.opened(place, stack))

    def _prompts(self, folder: Path | None) -> ComposePrompt:
        if folder is None:
            return self.own_prompts
        renderer = MakoPromptRenderer(folder)
        return ComposePrompt(renderer, self.counter, budget_of(self.settings), self.profiles)


class ArmsProvider(Provider):
    """One arm for everybody, unless the operator's file has more."""

    scope = Scope.APP

    @provide
    def arm_parts(
        self,
        settings: Settings,
        models: Models,
        model: ChatModel,
        compose_prompt: ComposePrompt,
        counter: TokenCounter,
        profiles: ModelProfiles,
    ) -> ArmParts:
        """Read the file of arms, once."""
        file = load_arms(settings.arms.file) if settings.arms.file else None
        _refuse_keys_of_nobody(settings, file)
        return ArmParts(settings, models, model, compose_prompt, counter, profiles, file)

    @provide
    async def arms(self, parts: ArmParts) -> AsyncIterable[Arms]:
        """Open the arms' models, close them at the end."""
        if parts.file is None:
            yield Arms.of_source(_source_of(parts.own_model), parts.own_model, parts.own_prompts)
            return
        drawing = parts.file.drawing()
        async with AsyncExitStack() as stack:
            arms = [
                await parts.arm(name, entry, stack, is_required=name == drawing.default)
                for name, entry in parts.file.arms.items()
            ]
            unarmed = ChosenArm(None, parts.own_model, parts.own_prompts)
            yield Arms(drawing, arms, unarmed, parts.file.nameable)

    @provide
    async def shadow(
        self, parts: ArmParts, event_log: EventLog | None, telemetry: Telemetry
    ) -> AsyncIterable[ShadowReplies | None]:
        """Open the shadow's model; at the end let it finish within its grace."""
        entry = parts.file and parts.file.shadow
        if not entry:
            yield None
            return
        if event_log is None:
            raise ConfigurationError(
                f"{VARIABLE}: shadow: what it says is only logged: set REPARTEE_EVENTS__ENABLED=true"
            )
        policy = ShadowPolicy(
            share=entry.share,
            queue=entry.queue,
            at_once=entry.at_once,
            deadline_seconds=entry.deadline_seconds,
            grace_seconds=entry.grace_seconds,
        )
        async with AsyncExitStack() as stack:
            shadow = ShadowReplies(await parts.arm(SHADOW, entry, stack), event_log, telemetry, policy)
            stack.push_async_callback(shadow.close)
            yield shadow


def _source_of(model: ChatModel) -> ModelSource:
    return model if isinstance(model, RegistryChatModel) else FixedModel(model)


def _refuse_keys_of_nobody(settings: Settings, file: ArmsFile | None) -> None:
    known = {*(file.arms if file else ()), *([SHADOW] if file and file.shadow else ())}
    if unknown := sorted(settings.arms.keys_of_arms.keys() - known):
        raise ConfigurationError(f"REPARTEE_ARMS__API_KEYS: {unknown[0]} is no arm")
