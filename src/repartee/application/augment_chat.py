"""A client's own conversation, with the user's facts put into it."""

import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from repartee.application.answer_prompt import AnswerPrompt, Draft, milliseconds_since
from repartee.application.arms import ArmPrompt, Arms, ChosenArm
from repartee.application.compose_prompt import ComposePrompt
from repartee.application.deadline import deadline_in
from repartee.application.keep_safe import KeepSafe, SafetyPolicy, last_words
from repartee.application.ports import ChatModel, EventLog, PromptMessage, Telemetry, Turn
from repartee.application.reply import Emit, Reply
from repartee.application.reply_options import GenerationOptions, ReplyPolicy, RetrievalOptions, facts_for
from repartee.application.retrieve_facts import Retrieval, RetrieveFacts
from repartee.application.session_fields import SessionFields
from repartee.application.shadow_replies import ShadowReplies
from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.text import MESSAGE_CHARACTERS, without_controls
from repartee.domain.user import User

_SOMEBODY: Final = "the character"
_DESCRIPTION_CHARACTERS: Final = 65_536


@dataclass(frozen=True, slots=True)
class AugmentRequest:
    """One turn of a client that renders its own prompt. `character` is who answers, where that is known."""

    messages: tuple[PromptMessage, ...]
    user: User
    character: str | None = None
    arm: str | None = None
    generation: GenerationOptions = field(default_factory=GenerationOptions)
    retrieval: RetrievalOptions = field(default_factory=RetrievalOptions)
    sitting: SessionFields = field(default_factory=SessionFields)


class AugmentChat:
    """Answer a conversation whose card and instructions the client brings along, using the user's facts.

    The messages go to the model as they are: no character is rendered, nothing is trimmed. The facts that fit
    the user's last message are put right after it, in no more than a quarter of the context; without facts
    nothing is added. What only another character knows stays out. Without a user nothing is retrieved, and a
    retrieval outage never fails the reply. One deadline covers the whole request.
    """

    def __init__(
        self,
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
        self._retrieve_facts = retrieve_facts
        self._arms = arms or Arms.single(model, compose_prompt)
        self._keep_safe = keep_safe or KeepSafe(None, SafetyPolicy(), telemetry)
        self._answer_prompt = AnswerPrompt(event_log, telemetry, shadow, self._keep_safe)
        self._policy = policy

    async def several(self, request: AugmentRequest, request_id: str, count: int) -> list[Reply]:
        """Return `count` replies, made at the same time from the same facts. Raises UpstreamError."""
        async with deadline_in(self._policy.deadline_seconds):
            return await self._answer_prompt(await self._draft(request, request_id), count)

    async def stream_several(self, request: AugmentRequest, request_id: str, count: int, emit: Emit) -> None:
        """Emit one ReplyStarted, then the events of `count` replies, each with the reply's place."""
        async with deadline_in(self._policy.deadline_seconds):
            await self._answer_prompt.stream(await self._draft(request, request_id), count, emit)

    async def _draft(self, request: AugmentRequest, request_id: str) -> Draft:
        started = time.perf_counter()
        sampling = self._policy.sampling(request.generation)
        arm = self._arms.chosen(request.user.id, request.arm, request.generation.model)
        dialogue = _dialogue(request.messages)
        character = _character(request)
        opening = not any(message.role == "character" for message in dialogue)
        safety = await self._keep_safe.before(last_words(dialogue), request.sitting.session(opening=opening))
        retrieval = Retrieval(status="disabled")
        if not safety.spoken:
            retrieval = await facts_for(
                self._retrieve_facts, request.user, dialogue, character.name, request.retrieval
            )
        retrieval_ms = milliseconds_since(started)
        turn = Turn(character, request.user, None, dialogue, retrieval.facts, duties=safety.duties)

        def rewrite(arm: ChosenArm) -> ArmPrompt:
            return ArmPrompt(arm.compose_prompt.augmented(turn, request.messages), sampling)

        return Draft(
            request_id=request_id,
            started=started,
            retrieval=retrieval,
            retrieval_ms=retrieval_ms,
            sampling=sampling,
            prompt=rewrite(arm).prompt,
            origin=partial(_origin, request, dialogue),
            arm=arm,
            rewrite=rewrite,
            greetings=(safety.spoken,) if safety.spoken else (),
            safety=safety,
        )


def _dialogue(messages: tuple[PromptMessage, ...]) -> tuple[Message, ...]:
    """Return what was said, as our own messages: retrieval and the offline responder read those."""
    said = (
        (message.role, without_controls(message.content)[-MESSAGE_CHARACTERS:])
        for message in messages
        if message.role != "system"
    )
    return tuple(
        Message(role="user" if role == "user" else "character", text=text) for role, text in said if text
    )


def _character(request: AugmentRequest) -> Character:
    """Return a stand-in for the card that is somewhere in the client's system text."""
    card = "\n\n".join(message.content for message in request.messages if message.role == "system")
    return Character(
        name=request.character or _SOMEBODY, description=without_controls(card)[:_DESCRIPTION_CHARACTERS]
    )


def _origin(request: AugmentRequest, dialogue: tuple[Message, ...]) -> dict[str, Any]:
    return {
        "user": request.user.model_dump(),
        "character": {"name": request.character} if request.character else None,
        "scenario": None,
        "messages": [message.model_dump(exclude_none=True) for message in dialogue],
    }
