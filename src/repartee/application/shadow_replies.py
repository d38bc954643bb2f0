"""A second answer to the same request, made after the reply has gone out, and only written down."""

import asyncio
import time
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from repartee.application.arms import Arm, ArmPrompt, ChosenArm, Rewrite, chosen_arm
from repartee.application.deadline import deadline_in
from repartee.application.guard_reply import guarded_completion
from repartee.application.ports import Completion, EventLog, Telemetry
from repartee.domain.chance import chance
from repartee.domain.errors import ReparteeError

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ShadowPolicy:
    """How much the shadow may do: `share` percent of the replies, `queue` of them waiting, `at_once` in work.

    `deadline_seconds` is the shadow's own, `grace_seconds` what it has left when the service stops.
    """

    share: float = 100.0
    queue: int = 64
    at_once: int = 2
    deadline_seconds: float = 30.0
    grace_seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply that went out, and how to ask another arm the same."""

    reply_id: str
    request_id: str
    user_id: str | None
    arm: str
    rewrite: Rewrite


class ShadowReplies:
    """Ask the shadow's model what a user was answered by another arm, and log what it would have said.

    Nobody waits for it: what finds the queue full is dropped and counted. It has a deadline of its own, and
    its failures are counted and logged, never raised.
    """

    def __init__(self, arm: Arm, event_log: EventLog, telemetry: Telemetry, policy: ShadowPolicy) -> None:
        self._arm = arm
        self._event_log = event_log
        self._telemetry = telemetry
        self._policy = policy
        self._queue: asyncio.Queue[Answered] = asyncio.Queue(policy.queue)
        self._workers: list[asyncio.Task[None]] = []
        self._closed = False

    def offer(self, answered: Answered) -> None:
        """Take a reply on, or drop it; never waits."""
        if self._closed or chance(self._arm.name, answered.reply_id) * 100 >= self._policy.share:
            return
        try:
            self._queue.put_nowait(answered)
        except asyncio.QueueFull:
            self._telemetry.shadow("dropped")
            return
        self._start()

    async def close(self) -> None:
        """Let what is in work and waiting finish within the grace, then cancel it."""
        self._closed = True
        try:
            async with asyncio.timeout(self._policy.grace_seconds):
                await self._queue.join()
        except TimeoutError:
            pass
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        for _ in range(self._queue.qsize()):
            self._telemetry.shadow("cancelled")

    def _start(self) -> None:
        """Begin work in a context of its own: the request's deadline and log fields end with the request."""
        if len(self._workers) < self._policy.at_once:
            self._workers.append(asyncio.create_task(self._work(), context=Context()))

    async def _work(self) -> None:
        while True:
            answered = await self._queue.get()
            try:
                await self._counted(answered)
            finally:
                self._queue.task_done()

    async def _counted(self, answered: Answered) -> None:
        served = self._arm.source.current()
        if served is None:
            return
        arm, started = chosen_arm(self._arm, served), time.perf_counter()
        outcome = "cancelled"
        try:
            said = await self._said(arm, answered)
            await self._event_log.append(_event(answered, arm, started) | said)
            outcome = "ok"
        except ReparteeError as error:
            outcome = error.code
            await self._note(_event(answered, arm, started) | {"error": outcome})
        except OSError as error:
            outcome = "event_log"
            _log.error("event log cannot be written", reason=error.strerror)
        except Exception:  # noqa: BLE001  # the next reply's shadow must not suffer for it
            outcome = "internal"
            _log.exception("shadow failed")
        finally:
            self._telemetry.shadow(outcome)

    async def _note(self, event: dict[str, Any]) -> None:
        try:
            await self._event_log.append(event)
        except OSError as error:
            _log.error("event log cannot be written", reason=error.strerror)

    async def _said(self, arm: ChosenArm, answered: Answered) -> dict[str, Any]:
        async with deadline_in(self._policy.deadline_seconds):
            asked = await asyncio.to_thread(answered.rewrite, arm)
            completion = await _completed(arm, asked)
        return {
            "version": arm.version or completion.model,
            "model": completion.model,
            "text": completion.text,
            "finish_reason": completion.finish_reason,
            "usage": {
                "prompt_tokens": completion.usage.prompt_tokens,
                "completion_tokens": completion.usage.completion_tokens,
            },
            "prompt": [{"role": part.role, "content": part.content} for part in asked.prompt.messages],
        }


async def _completed(arm: ChosenArm, asked: ArmPrompt) -> Completion:
    if asked.guard is None:
        return await arm.model.complete(asked.prompt, asked.sampling)
    guarded = await guarded_completion(arm.model, asked.prompt, asked.sampling, asked.guard)
    return guarded.completion


def _event(answered: Answered, arm: ChosenArm, started: float) -> dict[str, Any]:
    return {
        "type": "shadow",
        "at": datetime.now(UTC).isoformat(),
        "reply_id": answered.reply_id,
        "request_id": answered.request_id,
        "user": {"id": answered.user_id},
        "answered_by": answered.arm,
        "arm": arm.name,
        "version": arm.version,
        "model_ms": round((time.perf_counter() - started) * 1_000, 3),
        "templates": arm.compose_prompt.fingerprint,
    }
