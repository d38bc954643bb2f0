"""The service's main job: the character's next message."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Literal

from pydantic import BaseModel, Field

from repartee.application.answer_prompt import GREETING, AnswerPrompt, Draft, milliseconds_since
from repartee.application.compose_prompt import ComposePrompt
from repartee.application.deadline import deadline_in
from repartee.application.generate_request import GenerateRequest
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
    Alternative,
    ChosenSpeaker,
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
from repartee.application.turn_request import chosen_greetings, taken_up
from repartee.application.turn_scene import TurnScene, scene_of

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
    speaker: ChosenSpeaker | None = Field(default=None, description="Who of the `cast` it is for.")


class GenerateReply:
    """Answer in character, using the user's facts that fit the last message.

    An empty history returns the character's greeting without a model call. Other modes give another reply
    than those before, go on with the character's last message, or write the user's next one. In a scene with
    a `cast` one of them answers: `speaker`, else whoever's turn it is, with its own card, books and facts.
    Without `user.id` nothing is retrieved. A retrieval outage never fails the reply: `retrieval.status` says
    what happened. One deadline covers the whole request.
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
        first, *others = await self.several(request, request_id, request.n)
        return first.model_copy(update={"alternatives": [Alternative.of(reply) for reply in others]})

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
        messages, avoid = taken_up(request.mode, request.messages, request.avoid)
        scene = await scene_of(request, self._characters)
        request = request.model_copy(update={"messages": messages, "avoid": avoid})
        sampling = self._policy.sampling(request.generation)
        retrieval = await facts_for(
            self._retrieve_facts, request.user, request.messages, scene.character.name, request.retrieval
        )
        retrieval_ms = milliseconds_since(started)
        sampling = self._compose_prompt.profile_of(sampling.model or self._model.name).filled(sampling)
        with scene.naming_fields():
            prompt, greetings = await self._written(request, scene, retrieval, sampling)
            guard = GuardPlan.of(prompt.turn, request.guard, sampling.stop)
        return Draft(
            request_id=request_id,
            started=started,
            retrieval=retrieval,
            retrieval_ms=retrieval_ms,
            sampling=sampling,
            prompt=prompt,
            origin=_origin(request, scene),
            greetings=greetings,
            guard=guard,
            speaker=scene.speaker,
        )

    async def _written(
        self, request: GenerateRequest, scene: TurnScene, retrieval: Retrieval, sampling: Sampling
    ) -> tuple[Prompt, tuple[str, ...]]:
        """Return the prompt and the greetings. Lorebooks may take their time: other requests go on."""
        if request.lorebooks or scene.has_books:
            return await asyncio.to_thread(self._write, request, scene, retrieval, sampling)
        return self._write(request, scene, retrieval, sampling)

    def _write(
        self, request: GenerateRequest, scene: TurnScene, retrieval: Retrieval, sampling: Sampling
    ) -> tuple[Prompt, tuple[str, ...]]:
        turn = _turn(request, scene, retrieval)
        greetings = () if request.messages else _greetings(turn)
        greetings = chosen_greetings(greetings, request.greeting, request.messages)
        if greetings and not request.dry_run:
            return Prompt((), turn), greetings
        model = sampling.model or self._model.name
        return self._compose_prompt(turn, sampling.max_tokens, model), greetings


def _turn(request: GenerateRequest, scene: TurnScene, retrieval: Retrieval) -> Turn:
    seed = request.generation.seed
    story = story_of(
        scene.character, request.lorebooks, request.lore_state, request.author_note, seed, scene.own_books
    )
    return Turn(
        scene.character,
        request.user,
        request.scenario,
        request.messages,
        retrieval.facts,
        request.summary,
        story,
        request.mode,
        request.avoid,
        scene.cast,
    )


def _greetings(turn: Turn) -> tuple[str, ...]:
    in_group = turn.cast is not None
    return turn.character.greetings(turn.user.name, macros_of(turn).now, in_group=in_group)


def _origin(request: GenerateRequest, scene: TurnScene) -> dict[str, Any]:
    group = {} if scene.cast is None else {"cast": list(scene.cast.names)}
    return {
        "user": request.user.model_dump(),
        "character": scene.character.model_dump(exclude_defaults=True),
        **group,
        "scenario": request.scenario.model_dump() if request.scenario else None,
        "messages": [message.model_dump(exclude_none=True) for message in request.messages],
        "mode": request.mode,
        "avoided": len(request.avoid),
    }


def _preview(draft: Draft) -> PromptPreview:
    parts = [PromptPart(role=part.role, content=part.content) for part in draft.prompt.messages]
    return PromptPreview(
        prompt=parts,
        facts=draft.facts,
        retrieval=draft.report,
        lore=draft.lore,
        prompt_tokens_by_section=dict(draft.prompt.sections),
        speaker=draft.speaker,
    )
