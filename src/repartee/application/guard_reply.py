"""From what a model writes to what the character says: the guard around one call, whole or streamed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from repartee.application.ports import ChatModel, Completion, Prompt, Sampling, Turn, Usage
from repartee.application.reply_opening import Opening, opening_of
from repartee.domain.cast import label
from repartee.domain.errors import UpstreamInvalid
from repartee.domain.guard import (
    GuardContext,
    Guarded,
    GuardOptions,
    GuardReport,
    StreamGuard,
    check_style,
    guard,
    guard_options,
)
from repartee.domain.turn_mode import folded

_ATTEMPTS: Final = 2
_CHOICES_OF_AN_ATTEMPT: Final = 8
_WHOLE_MESSAGES: Final = ("reply", "regenerate")

Show = Callable[[str], Awaitable[None]]
"""Takes a piece of text that can be shown."""

StyleRule = Literal["too_short", "too_long", "actions", "language"]


class ReplyGuardReport(GuardReport):
    """What the guard did to the reply, in numbers.

    `retried`: a first answer held nothing that could be said, or nothing new. `style` names the parts of the
    character's style that the text does not keep to.
    """

    retried: bool = False
    style: tuple[StyleRule, ...] = ()


_NOTHING_DONE: Final = GuardReport()
_ALL_FINE: Final = ReplyGuardReport()


@dataclass(frozen=True, slots=True)
class GuardPlan:
    """What the guard of the replies to one request needs to know.

    `given` are the texts that went out so far, folded: another reply must not repeat one.
    """

    turn: Turn
    context: GuardContext
    options: GuardOptions
    given: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, turn: Turn, requested: GuardOptions | None, stop: tuple[str, ...]) -> "GuardPlan":
        """Return the plan for a turn: the card's options, under the request's, and the model's own stops."""
        options = guard_options(turn.character, requested)
        stops = tuple(dict.fromkeys((*options.stop, *stop)))
        balance = options.balance and not _leaves_a_mark_open(turn)
        if stops != options.stop or balance != options.balance:
            options = options.model_copy(update={"stop": stops, "balance": balance})
        return cls(turn, _context(turn), options)

    def opening(self) -> Opening:
        """Return what is to be kept back of one answer's beginning."""
        return opening_of(self.turn, self.given)

    def report(self, guarded: Guarded, text: str, *, retried: bool) -> ReplyGuardReport:
        """Return the report on the whole text."""
        character = self.turn.character
        whole = self.turn.mode in _WHOLE_MESSAGES
        violations = check_style(text, character.style, character.language) if whole else ()
        style = tuple(violation.rule for violation in violations)
        told = guarded.report
        if not style and not retried and told == _NOTHING_DONE:
            return _ALL_FINE
        return ReplyGuardReport(
            interventions=told.interventions,
            cut_by=told.cut_by,
            cut_at=told.cut_at,
            refusal=told.refusal,
            out_of_role=told.out_of_role,
            empty=told.empty,
            retried=retried,
            style=style,
        )


@dataclass(frozen=True, slots=True)
class GuardedCompletion:
    """A completion whose text has passed the guard, and what that did."""

    completion: Completion
    report: ReplyGuardReport


async def guarded_stream(
    model: ChatModel, prompt: Prompt, sampling: Sampling, plan: GuardPlan, show: Show
) -> GuardedCompletion:
    """Show the guarded text in pieces as soon as each is safe, and return the whole of it.

    An answer of which nothing is left, or that was given before, is asked for once more. Once a rule has
    ended the reply the model is not listened to any longer. Raises UpstreamInvalid where the second answer
    is empty too, and as the model.
    """
    for attempt in range(_ATTEMPTS):
        heard = _Heard(plan, show)
        async with aclosing(model.stream(prompt, _tried(sampling, attempt))) as pieces:
            whole = await heard.out_of(pieces)
        completion = whole or Completion("", sampling.model or model.name, "stop", Usage())
        last = await heard.closed(completion, again=attempt + 1 < _ATTEMPTS)
        if last is not None and heard.shown.strip():
            return _finished(plan, completion, last, heard.shown, retried=attempt > 0)
    raise _nothing_said()


class _Heard:
    """One attempt: what the model says on its way through the guard."""

    def __init__(self, plan: GuardPlan, show: Show) -> None:
        self._guard = StreamGuard(plan.context, plan.options)
        self._opening = plan.opening()
        self._show = show
        self.shown = ""

    async def out_of(self, pieces: AsyncIterator[str | Completion]) -> Completion | None:
        """Return the completion, None where a rule ended the reply before."""
        guard = self._guard
        async for piece in pieces:
            if not isinstance(piece, str):
                return piece
            if safe := guard.feed(piece):
                await self._pass(self._opening.feed(safe))
            if guard.done:
                break
        return None

    async def closed(self, completion: Completion, *, again: bool) -> Guarded | None:
        """Show the rest; None where the text was given before and is to be asked for `again`."""
        last = self._guard.close(completion.finish_reason)
        rest = self._opening.feed(last.text) + self._opening.close()
        if self._opening.stale and again:
            return None
        await self._pass(rest)
        return last

    async def _pass(self, text: str) -> None:
        if text:
            self.shown += text
            await self._show(text)


async def guarded_completion(
    model: ChatModel, prompt: Prompt, sampling: Sampling, plan: GuardPlan
) -> GuardedCompletion:
    """Return the whole reply, as the stream would have been. Raises UpstreamInvalid, and as the model."""
    for attempt in range(_ATTEMPTS):
        completion = await model.complete(prompt, _tried(sampling, attempt))
        opening = plan.opening()
        last = guard(completion.text, completion.finish_reason, plan.context, plan.options)
        shown = opening.feed(last.text) + opening.close()
        if opening.stale and attempt + 1 < _ATTEMPTS:
            continue
        if shown.strip():
            return _finished(plan, completion, last, shown, retried=attempt > 0)
    raise _nothing_said()


def _context(turn: Turn) -> GuardContext:
    """Return who speaks: to impersonate, it is the user, and the character must not be spoken for."""
    written = {turn.character.display_name, turn.character.name}
    names = tuple(sorted(written | set(map(label, written)) if turn.cast else written))
    if turn.mode == "impersonate":
        others = tuple(dict.fromkeys((*names, *_company(turn))))
        return GuardContext(character_names=(turn.user.name,), other_speakers=others)
    return GuardContext(character_names=names, user_name=turn.user.name, other_speakers=_company(turn))


def _company(turn: Turn) -> tuple[str, ...]:
    """Return everybody else's names in a scene, as they are and as they stand before lines."""
    if turn.cast is None:
        return ()
    own = {form for name in turn.cast.speaker.names for form in (name, label(name))}
    said = (message.speaker for message in turn.messages if message.speaker)
    names = [turn.user.name, *(name for member in turn.cast.others for name in member.names), *said]
    forms = dict.fromkeys(form for name in names for form in (name, label(name)))
    return tuple(form for form in forms if form not in own and form != turn.user.name)


def _leaves_a_mark_open(turn: Turn) -> bool:
    """Say whether the message to be continued has a mark that the continuation is to close."""
    last = turn.messages[-1].text if turn.mode == "continue" else ""
    return any(last.count(mark) % 2 for mark in '*"') or last.count("«") != last.count("»")


def _tried(sampling: Sampling, attempt: int) -> Sampling:
    """Return the settings of one attempt: a model with a seed must not give the same answer again."""
    if not attempt:
        return sampling
    return replace(sampling, choice=sampling.choice + attempt * _CHOICES_OF_AN_ATTEMPT)


def _finished(
    plan: GuardPlan, completion: Completion, last: Guarded, text: str, *, retried: bool
) -> GuardedCompletion:
    finish = "stop" if last.report.cut_by else completion.finish_reason
    if text != completion.text or finish != completion.finish_reason:
        completion = replace(completion, text=text, finish_reason=finish)
    plan.given.add(folded(text))
    return GuardedCompletion(completion, plan.report(last, text, retried=retried))


def _nothing_said() -> UpstreamInvalid:
    return UpstreamInvalid("the model answered twice with nothing that the character could say", "model")
