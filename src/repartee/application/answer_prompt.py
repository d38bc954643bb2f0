"""From a prompt to replies: the model's part, and what every reply leaves behind."""

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeVar

import structlog

from repartee.application.arms import ChosenArm, Rewrite
from repartee.application.deadline import seconds_left
from repartee.application.guard_reply import (
    GuardPlan,
    ReplyGuardReport,
    Show,
    guarded_completion,
    guarded_stream,
)
from repartee.application.keep_safe import SAFETY, KeepSafe, SafetyPlan, SafetyPolicy
from repartee.application.lore_report import lore_report
from repartee.application.ports import (
    Completion,
    EventLog,
    Prompt,
    ReplyMeasurement,
    Sampling,
    Telemetry,
    Usage,
)
from repartee.application.reply import (
    ChosenSpeaker,
    Emit,
    LoreReport,
    Reply,
    ReplyDelta,
    ReplyStarted,
    RetrievalReport,
    Timings,
    TokenUsage,
    UsedFact,
)
from repartee.application.retrieve_facts import Retrieval
from repartee.application.shadow_replies import Answered, ShadowReplies
from repartee.domain.errors import UpstreamError, UpstreamInvalid

_log = structlog.get_logger(__name__)

T = TypeVar("T")

GREETING: Final = "greeting"
_RECORDED_SAMPLING: Final = (
    "model", "temperature", "top_p", "max_tokens", "seed", "stop", "presence_penalty", "frequency_penalty",
)  # fmt: skip


def new_reply_id() -> str:
    """Return an id that no other reply has."""
    return f"rpl_{os.urandom(16).hex()}"


@dataclass(frozen=True, slots=True)
class Draft:
    """All that replies to one request are made from.

    Where there are `greetings` they are the replies, and no model is asked. Without a `guard` the model's
    text goes out as it is. `origin` is what the event log says about the request, `rewrite` what another arm
    would have been asked.
    """

    request_id: str
    started: float
    retrieval: Retrieval
    retrieval_ms: float
    sampling: Sampling
    prompt: Prompt
    origin: Callable[[], Mapping[str, Any]]
    arm: ChosenArm
    rewrite: Rewrite
    greetings: tuple[str, ...] = ()
    guard: GuardPlan | None = None
    speaker: ChosenSpeaker | None = None
    safety: SafetyPlan = field(default_factory=SafetyPlan)
    id: str = field(default_factory=new_reply_id)

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
        """What became of retrieval."""
        found = self.retrieval
        return RetrievalReport(status=found.status, threshold=found.threshold, rerank=found.rerank)

    @property
    def lore(self) -> LoreReport:
        """What became of the lorebooks."""
        return lore_report(self.prompt)


class AnswerPrompt:
    """Ask the model once for each reply that is wanted, all at once; count and record every reply.

    A log that cannot be written is counted and said; the reply still goes out. Where one of several replies
    fails, all of them do.
    """

    def __init__(
        self,
        event_log: EventLog | None,
        telemetry: Telemetry,
        shadow: ShadowReplies | None = None,
        keep_safe: KeepSafe | None = None,
    ) -> None:
        self._event_log = event_log
        self._telemetry = telemetry
        self._shadow = shadow
        self._keep_safe = keep_safe or KeepSafe(None, SafetyPolicy(), telemetry)

    async def __call__(self, draft: Draft, count: int = 1) -> list[Reply]:
        """Return `count` replies. Raises UpstreamError."""
        return await _all_of([self._whole(draft, place) for place in range(count)])

    async def stream(self, draft: Draft, count: int, emit: Emit) -> None:
        """Emit one ReplyStarted, then for each of the replies its text in pieces and the whole of it.

        What a piece passes through are calls: a chain of generators costs more than the work on it.
        """
        await emit(
            0,
            ReplyStarted(
                id=draft.id,
                request_id=draft.request_id,
                facts=draft.facts,
                retrieval=draft.report,
                lore=draft.lore,
                speaker=draft.speaker,
                arm=draft.arm.name,
                version=draft.arm.version,
                notices=[*draft.safety.notices],
                safety=draft.safety.report,
            ),
        )
        await _apart([self._told(draft, place, emit) for place in range(count)])

    async def _whole(self, draft: Draft, place: int) -> Reply:
        if draft.greetings:
            return await self._finished(draft, place, _greeting(draft, place), model_ms=0.0)
        called = time.perf_counter()
        with _Counted(self._telemetry, draft.arm.label):
            completion, report = await _completed(draft, _for_place(draft.sampling, place))
        return await self._finished(draft, place, completion, milliseconds_since(called), report)

    async def _told(self, draft: Draft, place: int, emit: Emit) -> None:
        async def show(text: str) -> None:
            await emit(place, ReplyDelta(text=text))

        if draft.greetings:
            greeting = _greeting(draft, place)
            await show(greeting.text)
            await emit(place, await self._finished(draft, place, greeting, model_ms=0.0, shown=True))
            return
        called = time.perf_counter()
        with _Counted(self._telemetry, draft.arm.label):
            completion, report = await _streamed(draft, _for_place(draft.sampling, place), show)
        spent = milliseconds_since(called)
        await emit(place, await self._finished(draft, place, completion, spent, report, shown=True))

    async def _finished(
        self,
        draft: Draft,
        place: int,
        completion: Completion,
        model_ms: float,
        guard: ReplyGuardReport | None = None,
        *,
        shown: bool = False,
    ) -> Reply:
        safe = await self._keep_safe.after(draft.safety, completion.text, shown=shown)
        reply = Reply(
            id=new_reply_id() if place else draft.id,
            request_id=draft.request_id,
            text=safe.text,
            facts=draft.facts,
            retrieval=draft.report,
            model=SAFETY if safe.replaced else completion.model,
            guard=guard,
            finish_reason=_finish_reason(draft, completion, replaced=safe.replaced),
            usage=TokenUsage(
                prompt_tokens=completion.usage.prompt_tokens,
                completion_tokens=completion.usage.completion_tokens,
            ),
            timings=Timings(
                retrieval_ms=draft.retrieval_ms,
                model_ms=model_ms,
                total_ms=milliseconds_since(draft.started),
            ),
            lore=draft.lore,
            prompt_tokens_by_section=dict(draft.prompt.sections),
            speaker=draft.speaker,
            arm=draft.arm.name,
            version=draft.arm.version or completion.model,
            notices=[*safe.notices],
            safety=safe.report,
            alternatives=[],  # pydantic copies a default at length
        )
        self._telemetry.reply(
            ReplyMeasurement(reply.model, reply.retrieval.status, completion.usage, len(reply.facts))
        )
        await self._record(draft, reply)
        if not place:
            self._shadowed(draft)
        return reply

    def _shadowed(self, draft: Draft) -> None:
        """Let the shadow answer too, where a model answered for an arm."""
        if self._shadow and draft.arm.name is not None and not draft.greetings:
            user_id = draft.prompt.turn.user.id
            self._shadow.offer(Answered(draft.id, draft.request_id, user_id, draft.arm.name, draft.rewrite))

    async def _record(self, draft: Draft, reply: Reply) -> None:
        if self._event_log is None:
            return
        event = {
            "type": "reply",
            "at": datetime.now(UTC).isoformat(),
            "reply": reply.model_dump(),
            **draft.origin(),
            "generation": {name: getattr(draft.sampling, name) for name in _RECORDED_SAMPLING},
            "templates": draft.arm.compose_prompt.fingerprint,
            "prompt": [{"role": part.role, "content": part.content} for part in draft.prompt.messages],
        }
        try:
            await self._event_log.append(event)
        except OSError as error:
            self._telemetry.degraded("event_log")
            _log.error("event log cannot be written", reason=error.strerror)


class _Counted:
    """Counts what became of the arm's model; a client that leaves counts for nothing."""

    __slots__ = ("_called", "_label", "_telemetry")

    def __init__(self, telemetry: Telemetry, label: str) -> None:
        self._telemetry = telemetry
        self._label = label
        self._called = time.perf_counter()

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if error is None:
            outcome = "ok"
        elif isinstance(error, UpstreamError):
            outcome = error.code
        elif isinstance(error, asyncio.CancelledError) and (left := seconds_left()) is not None and left <= 0:
            outcome = "deadline"
        else:
            return
        self._telemetry.arm(self._label, outcome, time.perf_counter() - self._called)


def _for_place(sampling: Sampling, place: int) -> Sampling:
    return sampling if sampling.choice == place else replace(sampling, choice=place)


async def _completed(draft: Draft, sampling: Sampling) -> tuple[Completion, ReplyGuardReport | None]:
    if draft.guard is None:
        return await draft.arm.model.complete(draft.prompt, sampling), None
    guarded = await guarded_completion(draft.arm.model, draft.prompt, sampling, draft.guard)
    return guarded.completion, guarded.report


async def _streamed(
    draft: Draft, sampling: Sampling, show: Show
) -> tuple[Completion, ReplyGuardReport | None]:
    if draft.guard is not None:
        guarded = await guarded_stream(draft.arm.model, draft.prompt, sampling, draft.guard, show)
        return guarded.completion, guarded.report
    async with aclosing(draft.arm.model.stream(draft.prompt, sampling)) as pieces:
        async for piece in pieces:
            if not isinstance(piece, str):
                return piece, None
            await show(piece)
    raise UpstreamInvalid("the model ended before its reply", "model")


async def _all_of(works: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Return what they return; they go on at the same time. Where one fails or this is left, all end."""
    return [await works[0]] if len(works) == 1 else await _apart(works)


async def _apart(works: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Return what they return, each a task: what wakes often resumes no frame of the request around it."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _greeting(draft: Draft, place: int) -> Completion:
    """Return one of the character's greetings, another one for each reply where there are as many."""
    text = draft.greetings[place % len(draft.greetings)]
    model = SAFETY if draft.safety.spoken else GREETING
    return Completion(text=text, model=model, finish_reason="stop", usage=Usage())


def _finish_reason(
    draft: Draft, completion: Completion, *, replaced: bool
) -> Literal["stop", "length", "greeting"]:
    if replaced or draft.safety.spoken:
        return "stop"
    return "greeting" if draft.greetings else completion.finish_reason


def milliseconds_since(started: float) -> float:
    """Return the time since a reading of the performance counter."""
    return round((time.perf_counter() - started) * 1_000, 3)
