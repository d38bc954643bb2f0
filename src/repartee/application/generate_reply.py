"""The service's main job: the character's next message."""

import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeVar

import structlog
from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

from repartee.application.compose_prompt import ComposePrompt
from repartee.application.deadline import deadline_in
from repartee.application.ports import (
    CharacterLibrary,
    ChatModel,
    Completion,
    EventLog,
    Prompt,
    ReplyMeasurement,
    RetrievalStatus,
    Sampling,
    Telemetry,
    Turn,
    Usage,
)
from repartee.application.retrieve_facts import Question, RerankStatus, Retrieval, RetrieveFacts
from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.errors import InvalidInput
from repartee.domain.fact import FactOwner, TenantScope
from repartee.domain.scenario import Scenario
from repartee.domain.user import User

_log = structlog.get_logger(__name__)

T = TypeVar("T")

CharacterName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
StopString = Annotated[str, StringConstraints(min_length=1, max_length=64)]
GREETING: Final = "greeting"


def _card_or_name(value: Any) -> str:
    return "name" if isinstance(value, str) else "card"


# --- request ------------------------------------------------------------------------------------------


class GenerationOptions(BaseModel):
    """Settings of the model; what is left out is the operator's choice."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: str | None = Field(default=None, min_length=1, max_length=200)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1, le=8_192)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stop: tuple[StopString, ...] = Field(default=(), max_length=4)


class RetrievalOptions(BaseModel):
    """How facts are chosen. `threshold` is a cosine; without it the embedder's calibrated one is used."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    enabled: bool = True
    limit: int = Field(default=3, ge=1, le=50)
    threshold: float | None = Field(default=None, ge=-1, le=1)


class GenerateRequest(BaseModel):
    """One turn. The upstream context service owns and sends all of it; only `character` is required."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    messages: tuple[Message, ...] = Field(
        default=(), max_length=1_000, description="The chat so far, oldest first. Empty: the greeting."
    )
    user: User = User()
    character: Annotated[
        Annotated[Character, Tag("card")] | Annotated[CharacterName, Tag("name")],
        Discriminator(_card_or_name),
    ] = Field(description="A character (our fields, or a whole V2/V3 card), or the name of a shipped one.")
    scenario: Scenario | None = None
    generation: GenerationOptions = GenerationOptions()
    retrieval: RetrievalOptions = RetrievalOptions()
    stream: bool = False
    dry_run: bool = Field(default=False, description="Return the exact prompt instead of calling the model.")


# --- reply --------------------------------------------------------------------------------------------


class UsedFact(BaseModel):
    """A fact that was put into the prompt. `score` is its cosine similarity to the message."""

    id: str
    owner: FactOwner
    text: str
    score: float
    pinned: bool = False


class RetrievalReport(BaseModel):
    """How retrieval went; `threshold` is what a score had to exceed."""

    status: RetrievalStatus
    threshold: float | None = None
    rerank: RerankStatus = "off"


class TokenUsage(BaseModel):
    """Tokens as the model's server counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class Timings(BaseModel):
    """Wall time in milliseconds."""

    retrieval_ms: float = 0.0
    model_ms: float = 0.0
    total_ms: float = 0.0


class Reply(BaseModel):
    """The character's message and how it came about."""

    id: str
    request_id: str
    text: str
    facts: list[UsedFact]
    retrieval: RetrievalReport
    model: str
    finish_reason: Literal["stop", "length", "greeting"]
    usage: TokenUsage
    timings: Timings


class PromptPart(BaseModel):
    """One message of the prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class PromptPreview(BaseModel):
    """What would be sent to the model."""

    prompt: list[PromptPart]
    facts: list[UsedFact]
    retrieval: RetrievalReport


class ReplyStarted(BaseModel):
    """First event of a stream: what the reply will be made from."""

    id: str
    request_id: str
    facts: list[UsedFact]
    retrieval: RetrievalReport


class ReplyDelta(BaseModel):
    """A piece of the text."""

    text: str


ReplyEvent = ReplyStarted | ReplyDelta | Reply


# --- behaviour ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReplyPolicy:
    """The operator's limits. An empty `allowed_models` lets a request name any model."""

    deadline_seconds: float
    defaults: Sampling
    allowed_models: tuple[str, ...] = ()


@dataclass(slots=True)
class _Draft:
    """A reply in the making."""

    request: GenerateRequest
    request_id: str
    character: Character
    started: float
    id: str
    retrieval: Retrieval
    retrieval_ms: float
    sampling: Sampling
    greeting: Completion | None
    prompt: Prompt

    @property
    def facts(self) -> list[UsedFact]:
        """The facts that are in the prompt."""
        return [
            UsedFact(
                id=fact.id,
                owner=fact.owner,
                text=fact.text,
                score=round(fact.score, 4),
                pinned=fact.pinned,
            )
            for fact in self.prompt.turn.facts
        ]

    @property
    def report(self) -> RetrievalReport:
        found = self.retrieval
        return RetrievalReport(status=found.status, threshold=found.threshold, rerank=found.rerank)


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
        self._event_log = event_log
        self._telemetry = telemetry
        self._policy = policy

    async def __call__(self, request: GenerateRequest, request_id: str) -> Reply | PromptPreview:
        """Return the reply, or the prompt for a dry run. Raises InvalidInput, NotFound, UpstreamError."""
        async with deadline_in(self._policy.deadline_seconds):
            draft = await self._draft(request, request_id)
            if request.dry_run:
                return _preview(draft)
            if draft.greeting:
                return await self._finished(draft, draft.greeting, model_ms=0.0)
            called = time.perf_counter()
            completion = await self._model.complete(draft.prompt, draft.sampling)
            return await self._finished(draft, completion, _milliseconds_since(called))

    async def stream(self, request: GenerateRequest, request_id: str) -> AsyncGenerator[ReplyEvent, None]:
        """Yield one ReplyStarted, the text in pieces, then the whole Reply. Raises as a call does."""
        async with deadline_in(self._policy.deadline_seconds):
            draft = await self._draft(request, request_id)
            yield ReplyStarted(id=draft.id, request_id=request_id, facts=draft.facts, retrieval=draft.report)
            if draft.greeting:
                yield ReplyDelta(text=draft.greeting.text)
                yield await self._finished(draft, draft.greeting, model_ms=0.0)
                return
            called = time.perf_counter()
            async with aclosing(self._model.stream(draft.prompt, draft.sampling)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, str):
                        yield ReplyDelta(text=piece)
                    else:
                        yield await self._finished(draft, piece, _milliseconds_since(called))

    async def _draft(self, request: GenerateRequest, request_id: str) -> _Draft:
        started = time.perf_counter()
        character = self._character(request)
        sampling = self._sampling(request)
        retrieval = await self._retrieval(request, character)
        retrieval_ms = _milliseconds_since(started)
        turn = Turn(character, request.user, request.scenario, request.messages, retrieval.facts)
        greeting = _greeting(request, character)
        needs_prompt = request.dry_run or greeting is None
        return _Draft(
            request=request,
            request_id=request_id,
            character=character,
            started=started,
            id=f"rpl_{uuid.uuid4().hex}",
            retrieval=retrieval,
            retrieval_ms=retrieval_ms,
            sampling=sampling,
            greeting=greeting,
            prompt=self._compose_prompt(turn, sampling.max_tokens) if needs_prompt else Prompt((), turn),
        )

    def _character(self, request: GenerateRequest) -> Character:
        if isinstance(request.character, str):
            return self._characters.get(request.character)
        return request.character

    def _sampling(self, request: GenerateRequest) -> Sampling:
        wanted, defaults, allowed = request.generation, self._policy.defaults, self._policy.allowed_models
        if wanted.model and allowed and wanted.model not in allowed:
            raise InvalidInput(f"is not one of the allowed models: {', '.join(allowed)}", "generation.model")
        return Sampling(
            model=wanted.model or defaults.model,
            temperature=_given(wanted.temperature, defaults.temperature),
            top_p=_given(wanted.top_p, defaults.top_p),
            max_tokens=_given(wanted.max_tokens, defaults.max_tokens),
            seed=_given(wanted.seed, defaults.seed),
            stop=wanted.stop or defaults.stop,
        )

    async def _retrieval(self, request: GenerateRequest, character: Character) -> Retrieval:
        question = _question(request, character)
        if request.user.id is None or question is None or not request.retrieval.enabled:
            return Retrieval(status="disabled")
        options = request.retrieval
        scope = TenantScope(request.user.id)
        return await self._retrieve_facts(scope, question, options.limit, options.threshold)

    async def _finished(self, draft: _Draft, completion: Completion, model_ms: float) -> Reply:
        reply = Reply(
            id=draft.id,
            request_id=draft.request_id,
            text=completion.text,
            facts=draft.facts,
            retrieval=draft.report,
            model=completion.model,
            finish_reason="greeting" if completion.model == GREETING else completion.finish_reason,
            usage=TokenUsage(
                prompt_tokens=completion.usage.prompt_tokens,
                completion_tokens=completion.usage.completion_tokens,
            ),
            timings=Timings(
                retrieval_ms=draft.retrieval_ms,
                model_ms=model_ms,
                total_ms=_milliseconds_since(draft.started),
            ),
        )
        self._telemetry.reply(
            ReplyMeasurement(reply.model, reply.retrieval.status, completion.usage, len(reply.facts))
        )
        await self._record(draft, reply)
        return reply

    async def _record(self, draft: _Draft, reply: Reply) -> None:
        """Append the event. A log that cannot be written is counted and said; the reply still goes out."""
        if self._event_log is None:
            return
        try:
            await self._event_log.append(_reply_event(draft, reply, self._compose_prompt.fingerprint))
        except OSError as error:
            self._telemetry.degraded("event_log")
            _log.error("event log cannot be written", reason=error.strerror)


def _question(request: GenerateRequest, character: Character) -> Question | None:
    """Ask about the user's last message; what was said before it may help to understand it."""
    newest_first = list(reversed(request.messages))
    for place, message in enumerate(newest_first):
        if message.role == "user":
            before = tuple(earlier.text for earlier in newest_first[place + 1 :])
            return Question(message.text, before, character.name)
    return None


def _greeting(request: GenerateRequest, character: Character) -> Completion | None:
    if request.messages:
        return None
    greetings = character.greetings(request.user.name)
    if not greetings:
        return None
    return Completion(text=greetings[0], model=GREETING, finish_reason="stop", usage=Usage())


def _preview(draft: _Draft) -> PromptPreview:
    parts = [PromptPart(role=part.role, content=part.content) for part in draft.prompt.messages]
    return PromptPreview(prompt=parts, facts=draft.facts, retrieval=draft.report)


def _reply_event(draft: _Draft, reply: Reply, templates: str) -> dict[str, Any]:
    request = draft.request
    return {
        "type": "reply",
        "at": datetime.now(UTC).isoformat(),
        "reply": reply.model_dump(),
        "user": request.user.model_dump(),
        "character": draft.character.model_dump(exclude_defaults=True),
        "scenario": request.scenario.model_dump() if request.scenario else None,
        "messages": [message.model_dump() for message in request.messages],
        "generation": {
            name: getattr(draft.sampling, name)
            for name in ("model", "temperature", "top_p", "max_tokens", "seed", "stop")
        },
        "templates": templates,
        "prompt": [{"role": part.role, "content": part.content} for part in draft.prompt.messages],
    }


def _given(wanted: T | None, default: T | None) -> T | None:
    return default if wanted is None else wanted


def _milliseconds_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1_000, 3)
