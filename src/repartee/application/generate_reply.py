"""The service's main job: the character's next message."""

import asyncio
import time
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from pydantic import BaseModel, Field

from repartee.application.answer_prompt import GREETING, AnswerPrompt, Draft, milliseconds_since
from repartee.application.arms import ArmPrompt, Arms, ChosenArm
from repartee.application.compose_prompt import ComposePrompt
from repartee.application.deadline import deadline_in
from repartee.application.generate_request import GenerateRequest
from repartee.application.given_story import story_of
from repartee.application.guard_reply import GuardPlan
from repartee.application.keep_safe import KeepSafe, SafetyPlan, SafetyPolicy, last_words
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
    Emit,
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
from repartee.application.shadow_replies import ShadowReplies
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
    what happened. One deadline covers the whole request. Where the operator runs several arms, the user's id
    decides which one answers; the reply names it.
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
        arms: Arms | None = None,
        shadow: ShadowReplies | None = None,
        keep_safe: KeepSafe | None = None,
    ) -> None:
        """Without `arms`, `model` answers everybody; without `keep_safe` nothing is looked for."""
        self._characters = characters
        self._retrieve_facts = retrieve_facts
        self._arms = arms or Arms.single(model, compose_prompt)
        self._keep_safe = keep_safe or KeepSafe(None, SafetyPolicy(), telemetry)
        self._answer_prompt = AnswerPrompt(event_log, telemetry, shadow, self._keep_safe)
        self._policy = policy

    async def __call__(self, request: GenerateRequest, request_id: str) -> Reply | PromptPreview:
        """Return the reply, or the prompt for a dry run. Raises InvalidInput, NotFound, UpstreamError."""
        if request.dry_run:
            async with deadline_in(self._policy.deadline_seconds):
                return _preview(await self._draft(request, request_id))
        first, *others = await self.several(request, request_id, request.n)
        if not others:
            return first
        return first.model_copy(update={"alternatives": [Alternative.of(reply) for reply in others]})

    async def several(self, request: GenerateRequest, request_id: str, count: int) -> list[Reply]:
        """Return `count` replies to the same request, made at the same time from the same facts."""
        async with deadline_in(self._policy.deadline_seconds):
            return await self._answer_prompt(await self._draft(request, request_id), count)

    async def stream_several(self, request: GenerateRequest, request_id: str, count: int, emit: Emit) -> None:
        """Emit one ReplyStarted, then the events of `count` replies, each with the reply's place."""
        async with deadline_in(self._policy.deadline_seconds):
            await self._answer_prompt.stream(await self._draft(request, request_id), count, emit)

    async def _draft(self, request: GenerateRequest, request_id: str) -> Draft:
        started = time.perf_counter()
        messages, avoid = taken_up(request.mode, request.messages, request.avoid)
        scene = await scene_of(request, self._characters)
        if messages is not request.messages or avoid is not request.avoid:
            request = request.model_copy(update={"messages": messages, "avoid": avoid})
        sampling = self._policy.sampling(request.generation)
        arm = self._arms.chosen(request.user.id, request.arm, request.generation.model)
        safety = await self._plan(request, scene)
        if safety.duties:
            scene = replace(scene, duties=safety.duties)
        if safety.spoken and not request.dry_run:
            return _spoken(request, request_id, scene, safety, arm, sampling, started)
        retrieval = await facts_for(
            self._retrieve_facts, request.user, request.messages, scene.character.name, request.retrieval
        )
        retrieval_ms = milliseconds_since(started)

        def rewrite(arm: ChosenArm) -> ArmPrompt:
            return self._write(request, scene, retrieval, sampling, arm)[0]

        with scene.naming_fields():
            asked, greetings = await self._written(request, scene, retrieval, sampling, arm)
        return Draft(
            request_id=request_id,
            started=started,
            retrieval=retrieval,
            retrieval_ms=retrieval_ms,
            sampling=asked.sampling,
            prompt=asked.prompt,
            origin=partial(_origin, request, scene),
            arm=arm,
            rewrite=rewrite,
            greetings=greetings,
            guard=asked.guard,
            speaker=scene.speaker,
            safety=safety,
        )

    async def _plan(self, request: GenerateRequest, scene: TurnScene) -> SafetyPlan:
        opening = not any(message.role == "character" for message in request.messages)
        language = (scene.character.language or "en")[:2]
        said = last_words(request.messages)
        return await self._keep_safe.before(said, request.session(opening=opening), language)

    async def _written(
        self,
        request: GenerateRequest,
        scene: TurnScene,
        retrieval: Retrieval,
        sampling: Sampling,
        arm: ChosenArm,
    ) -> tuple[ArmPrompt, tuple[str, ...]]:
        """Return the prompt and the greetings. Lorebooks may take their time: other requests go on."""
        if request.lorebooks or scene.has_books:
            return await asyncio.to_thread(self._write, request, scene, retrieval, sampling, arm)
        return self._write(request, scene, retrieval, sampling, arm)

    def _write(
        self,
        request: GenerateRequest,
        scene: TurnScene,
        retrieval: Retrieval,
        sampling: Sampling,
        arm: ChosenArm,
    ) -> tuple[ArmPrompt, tuple[str, ...]]:
        turn = _turn(request, scene, retrieval)
        model = sampling.model or arm.model.name
        sampling = arm.compose_prompt.profile_of(model).filled(sampling)
        greetings = () if request.messages else _greetings(turn)
        greetings = chosen_greetings(greetings, request.greeting, request.messages)
        if greetings and not request.dry_run:
            prompt = Prompt((), turn)
        else:
            prompt = arm.compose_prompt(turn, sampling.max_tokens, model)
        guard = GuardPlan.of(prompt.turn, request.guard, sampling.stop)
        return ArmPrompt(prompt, sampling, guard), greetings


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
        story if request.now is None else replace(story, now=request.now),
        request.mode,
        request.avoid,
        scene.cast,
        scene.duties,
    )


def _spoken(
    request: GenerateRequest,
    request_id: str,
    scene: TurnScene,
    safety: SafetyPlan,
    arm: ChosenArm,
    sampling: Sampling,
    started: float,
) -> Draft:
    """Return a draft whose replies are the operator's text: nothing else is done that could fail."""
    retrieval = Retrieval(status="disabled")
    prompt = Prompt((), _turn(request, scene, retrieval))
    return Draft(
        request_id=request_id,
        started=started,
        retrieval=retrieval,
        retrieval_ms=0.0,
        sampling=sampling,
        prompt=prompt,
        origin=partial(_origin, request, scene),
        arm=arm,
        rewrite=lambda _: ArmPrompt(prompt, sampling),
        greetings=(safety.spoken,),
        speaker=scene.speaker,
        safety=safety,
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
