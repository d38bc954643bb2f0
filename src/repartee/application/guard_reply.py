"""From what a model writes to what the character says: the guard around one call, whole or streamed."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final, Literal

from repartee.application.ports import ChatModel, Completion, Prompt, Sampling, Turn, Usage
from repartee.domain.errors import UpstreamInvalid
from repartee.domain.guard import (
    GuardContext,
    Guarded,
    GuardOptions,
    GuardReport,
    StreamGuard,
    check_style,
    guard_options,
)

_ATTEMPTS: Final = 2

StyleRule = Literal["too_short", "too_long", "actions", "language"]


class ReplyGuardReport(GuardReport):
    """What the guard did to the reply, in numbers.

    `retried`: a first answer held nothing that could be said. `style` names the parts of the character's
    style that the text does not keep to.
    """

    retried: bool = False
    style: tuple[StyleRule, ...] = ()


@dataclass(frozen=True, slots=True)
class GuardPlan:
    """What the guard of one reply needs to know."""

    turn: Turn
    context: GuardContext
    options: GuardOptions

    @classmethod
    def of(cls, turn: Turn, requested: GuardOptions | None, stop: tuple[str, ...]) -> "GuardPlan":
        """Return the plan for a turn: the card's options, under the request's, and the model's own stops."""
        names = {turn.character.display_name, turn.character.name}
        options = guard_options(turn.character, requested)
        stops = tuple(dict.fromkeys((*options.stop, *stop)))
        context = GuardContext(character_names=tuple(sorted(names)), user_name=turn.user.name)
        return cls(turn, context, options.model_copy(update={"stop": stops}))

    def report(self, guarded: Guarded, text: str, *, retried: bool) -> ReplyGuardReport:
        """Return the report on the whole text."""
        character = self.turn.character
        violations = check_style(text, character.style, character.language)
        style = tuple(violation.rule for violation in violations)
        return ReplyGuardReport(**guarded.report.model_dump(), retried=retried, style=style)


@dataclass(frozen=True, slots=True)
class GuardedCompletion:
    """A completion whose text has passed the guard, and what that did."""

    completion: Completion
    report: ReplyGuardReport


async def guarded_stream(
    model: ChatModel, prompt: Prompt, sampling: Sampling, plan: GuardPlan
) -> AsyncGenerator[str | GuardedCompletion, None]:
    """Yield the guarded text in pieces as soon as each is safe to show, then the whole of it.

    An answer of which nothing is left is asked for once more. Once a rule has ended the reply the model is
    not listened to any longer. Raises UpstreamInvalid where the second answer is empty too, and as the model.
    """
    for attempt in range(_ATTEMPTS):
        guard, shown, whole = StreamGuard(plan.context, plan.options), "", None
        async with aclosing(model.stream(prompt, sampling)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Completion):
                    whole = piece
                elif safe := guard.feed(piece):
                    shown += safe
                    yield safe
                if guard.done:
                    break
        completion = whole or Completion("", sampling.model or model.name, "stop", Usage())
        last = guard.close(completion.finish_reason)
        if last.text:
            shown += last.text
            yield last.text
        if not last.report.empty or shown.strip():
            yield _finished(plan, completion, last, shown, retried=attempt > 0)
            return
    raise _nothing_said()


async def guarded_completion(
    model: ChatModel, prompt: Prompt, sampling: Sampling, plan: GuardPlan
) -> GuardedCompletion:
    """Return the whole reply, as the stream would have been. Raises UpstreamInvalid, and as the model."""
    for attempt in range(_ATTEMPTS):
        completion = await model.complete(prompt, sampling)
        guard = StreamGuard(plan.context, plan.options)
        shown = guard.feed(completion.text)
        last = guard.close(completion.finish_reason)
        shown += last.text
        if not last.report.empty or shown.strip():
            return _finished(plan, completion, last, shown, retried=attempt > 0)
    raise _nothing_said()


def _finished(
    plan: GuardPlan, completion: Completion, last: Guarded, text: str, *, retried: bool
) -> GuardedCompletion:
    finish = "stop" if last.report.cut_by else completion.finish_reason
    guarded = replace(completion, text=text, finish_reason=finish)
    return GuardedCompletion(guarded, plan.report(last, text, retried=retried))


def _nothing_said() -> UpstreamInvalid:
    return UpstreamInvalid("the model answered twice with nothing that the character could say", "model")
