"""The prompt that the service would send: its own dry run, with facts left out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from repartee.application.generate_reply import GenerateReply, PromptPreview
from repartee.application.generate_request import GenerateRequest
from repartee.application.reply_options import RetrievalOptions
from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.errors import InvalidInput
from repartee.domain.scenario import Scenario
from repartee.domain.user import User
from repartee_eval.preferences.example import PromptTurn
from repartee_eval.wiring import ModelAddress, open_replies

_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What a prompt is composed of; the last message is the user's."""

    character: Character
    user: User
    scenario: Scenario | None
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Composer:
    """Composes prompts through the service's reply path, as it is configured here."""

    generate: GenerateReply
    templates: str

    async def prompt(self, scene: Scene) -> tuple[PromptTurn, ...] | None:
        """Return the prompt; None where the service would refuse the request, as for a card without room."""
        request = GenerateRequest(
            messages=scene.messages,
            user=scene.user.model_copy(update={"id": None}),  # facts of today were not there then
            character=scene.character,
            scenario=scene.scenario,
            retrieval=RetrievalOptions(enabled=False),
            dry_run=True,
        )
        try:
            preview = await self.generate(request, "preferences")
        except InvalidInput:
            return None
        if not isinstance(preview, PromptPreview):
            return None
        return tuple(PromptTurn(role=part.role, content=part.content) for part in preview.prompt)


@asynccontextmanager
async def open_composer() -> AsyncIterator[Composer]:
    """Open the service's prompt path and close it at the end. Raises ConfigurationError."""
    async with open_replies(ModelAddress("offline"), attempt_seconds=_SECONDS) as replier:
        yield Composer(replier.generate, replier.templates)
