"""The service's main job: the character's next message."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

from repartee.application.answer_prompt import GREETING, AnswerPrompt, Draft, milliseconds_since
from repartee.application.card_upload import CardUpload, kind_of_character
from repartee.application.compose_prompt import ComposePrompt
from repartee.application.deadline import deadline_in
from repartee.application.given_story import story_of
from repartee.application.guard_reply import GuardPlan
from repartee.application.ports import (
    CharacterLibrary,
    ChatModel,
    EventLog,
    Prompt,
    Sampling,
    Telemetry,
    Turn,
)
from repartee.application.reply import (
    LoreReport,
    Reply,
    ReplyDelta,
    ReplyEvent,
    ReplyStarted,
    RetrievalReport,
    Timings,
    TokenUsage,
    UsedFact,
)
from repartee.application.reply_options import GenerationOptions, ReplyPolicy, RetrievalOptions, facts_for
from repartee.application.retrieve_facts import Retrieval, RetrieveFacts
from repartee.application.turn_macros import macros_of
from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.guard import GuardOptions
from repartee.domain.lorebook import LoreState
from repartee.domain.scenario import Scenario
from repartee.domain.story import AuthorNote
from repartee.domain.text import CardText
from repartee.domain.user import User

__all__ = [
    "GREETING",
    "GenerateReply",
    "GenerateRequest",
    "GenerationOptions",
    "PromptPart",
    "PromptPreview",
    "Reply",
    "ReplyDelta",
    "ReplyEvent",
    "ReplyPolicy",
    "ReplyStarted",
    "RetrievalOptions",
    "RetrievalReport",
    "Timings",
    "TokenUsage",
    "UsedFact",
]

CharacterName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class GenerateRequest(BaseModel):
    """One turn. The upstream context service owns and sends all of it; only `character` is required."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    messages: tuple[Message, ...] = Field(
        default=(), max_length=1_000, description="The chat so far, oldest first. Empty: the greeting."
    )
    user: User = User()
    character: Annotated[
        Annotated[Character, Tag("card")]
        | Annotated[CardUpload, Tag("file")]
        | Annotated[CharacterName, Tag("name")],
        Discriminator(kind_of_character),
    ] = Field(
        description="A character (our fields, or a whole V2/V3 card), a card file as `card_base64`, or the "
        "name of a shipped one."
    )
    scenario: Scenario | None = None
    summary: CardText = Field(default="", description="What happened before `messages`: see `POST /digest`.")
    lorebooks: tuple[dict[str, Any], ...] = Field(
        default=(),
        max_length=8,
        description="Books of the world (V2, V3 or SillyTavern's), besides the card's own.",
    )
    lore_state: LoreState = Field(
        default=LoreState(), description="What the last reply returned as `lore.state`."
    )
    author_note: AuthorNote | None = None
    generation: GenerationOptions = GenerationOptions()
    retrieval: RetrievalOptions = RetrievalOptions()
    guard: GuardOptions = Field(
        default=GuardOptions(),
        description="Switches of the output guard; what is left out is the card's choice.",
    )
    stream: bool = False
    dry_run: bool = Field(default=False, description="Return the exact prompt instead of calling the model.")


class PromptPart(BaseModel):
    """One message of the prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class PromptPreview(BaseModel):
    """What would be sent to the model."""

    prompt: list[PromptPart]
    facts: list[UsedFact]
    retrieval: RetrievalReport
    lore: LoreReport
    prompt_tokens_by_section: dict[str, int] = Field(description="What the prompt is spent on, by estimate.")


class GenerateReply:
    """Answer in character, using the user's facts that fit the last message.

    An empty history returns the character's greeting without a model call. Without `user.id` nothing is
    retrieved. A retrieval outage never fails the reply: `retrieval.status` says what happened. One deadline
    covers the whole request.
    """

    def __init__(
        self,
        characters: CharacterLibrary,
        retrieve_facts: RetrieveFacts,
        compose_prompt: ComposePrompt,
        model: ChatModel,
        event_log: EventLog | None,
        telemetry: Telemetry,
        policy: ReplyPolicy,
    ) -> None:
        self._characters = characters
        self._retrieve_facts = retrieve_facts
        self._compose_prompt = compose_prompt
        self._model = model
        self._answer_prompt = AnswerPrompt(model, event_log, telemetry, compose_prompt.fingerprint)
        self._policy = policy

    async def __call__(self, request: GenerateRequest, request_id: str) -> Reply | PromptPreview:
        """Return the reply, or the prompt for a dry run. Raises InvalidInput, NotFound, UpstreamError."""
        if request.dry_run:
            async with deadline_in(self._policy.deadline_seconds):
                return _preview(await self._draft(request, request_id))
        [reply] = await self.several(request, request_id, 1)
        return reply

    async def stream(self, request: GenerateRequest, request_id: str) -> AsyncGenerator[ReplyEvent, None]:
        """Yield one ReplyStarted, the text in pieces, then the whole Reply. Raises as a call does."""
        async with aclosing(self.stream_several(request, request_id, 1)) as events:
            async for _, event in events:
                yield event

    async def several(self, request: GenerateRequest, request_id: str, count: int) -> list[Reply]:
        """Return `count` replies to the same request, made at the same time from the same facts."""
        async with deadline_in(self._policy.deadline_seconds):
            return await self._answer_prompt(await self._draft(request, request_id), count)

    async def stream_several(
        self, request: GenerateRequest, request_id: str, count: int
    ) -> AsyncGenerator[tuple[int, ReplyEvent], None]:
        """Yield one ReplyStarted, then the events of `count` replies, each with the reply's place."""
        async with deadline_in(self._policy.deadline_seconds):
            draft = await self._draft(request, request_id)
            async with aclosing(self._answer_prompt.stream(draft, count)) as events:
                async for placed in events:
                    yield placed

    async def _draft(self, request: GenerateRequest, request_id: str) -> Draft:
        started = time.perf_counter()
        character = await self._character(request)
        sampling = self._policy.sampling(request.generation)
        retrieval = await facts_for(
            self._retrieve_facts, request.user, request.messages, character.name, request.retrieval
        )
        retrieval_ms = milliseconds_since(started)
        sampling = self._compose_prompt.profile_of(sampling.model or self._model.name).filled(sampling)
        prompt, greetings = await self._written(request, character, retrieval, sampling)
        return Draft(
            request_id=request_id,
            started=started,
            retrieval=retrieval,
            retrieval_ms=retrieval_ms,
            sampling=sampling,
            prompt=prompt,
            origin=_origin(request, character),
            greetings=greetings,
            guard=GuardPlan.of(prompt.turn, request.guard, sampling.stop),
        )

    async def _written(
        self, request: GenerateRequest, character: Character, retrieval: Retrieval, sampling: Sampling
    ) -> tuple[Prompt, tuple[str, ...]]:
        """Return the prompt and the greetings. Lorebooks may take their time: other requests go on."""
        if request.lorebooks or character.character_book:
            return await asyncio.to_thread(self._write, request, character, retrieval, sampling)
        return self._write(request, character, retrieval, sampling)

    def _write(
        self, request: GenerateRequest, character: Character, retrieval: Retrieval, sampling: Sampling
    ) -> tuple[Prompt, tuple[str, ...]]:
        seed = request.generation.seed
        turn = Turn(
            character,
            request.user,
            request.scenario,
            request.messages,
            retrieval.facts,
            request.summary,
            story_of(character, request.lorebooks, request.lore_state, request.author_note, seed),
        )
        greetings = () if request.messages else character.greetings(request.user.name, macros_of(turn).now)
        if greetings and not request.dry_run:
            return Prompt((), turn), greetings
        model = sampling.model or self._model.name
        return self._compose_prompt(turn, sampling.max_tokens, model), greetings

    async def _character(self, request: GenerateRequest) -> Character:
        if isinstance(request.character, str):
            return self._characters.get(request.character)
        if isinstance(request.character, CardUpload):
            return await request.character.read()
        return request.character


def _origin(request: GenerateRequest, character: Character) -> dict[str, Any]:
    return {
        "user": request.user.model_dump(),
        "character": character.model_dump(exclude_defaults=True),
        "scenario": request.scenario.model_dump() if request.scenario else None,
        "messages": [message.model_dump() for message in request.messages],
    }


def _preview(draft: Draft) -> PromptPreview:
    parts = [PromptPart(role=part.role, content=part.content) for part in draft.prompt.messages]
    return PromptPreview(
        prompt=parts,
        facts=draft.facts,
        retrieval=draft.report,
        lore=draft.lore,
        prompt_tokens_by_section=dict(draft.prompt.sections),
    )
