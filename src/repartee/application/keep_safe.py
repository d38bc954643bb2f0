"""What is looked at before and after every reply, and what the user is told beside it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import dropwhile, takewhile
from typing import Final, Literal

import structlog

from repartee.application.ports import SafetyDuty, SelfHarmDetector, Telemetry
from repartee.application.safety_report import Notice, SafetyAction, SafetyReport
from repartee.application.safety_texts import SafetyTexts, language_of
from repartee.domain.dialogue import Message
from repartee.domain.errors import InvalidInput
from repartee.domain.safety.human_question import asks_who_answers
from repartee.domain.safety.notices import CLOCKS_APART, Intervals, NoticeKind, Session, due
from repartee.domain.safety.self_harm import NO_SIGNS, UNKNOWN, SelfHarm, SelfHarmSigns

_log = structlog.get_logger(__name__)
SAFETY: Final = "safety"
"""What stands for the model where the operator's text is the reply."""

Found = Literal["message", "reply"]
_NOTHING_FOUND: Final = SafetyReport()
_ORDER: Final[tuple[SelfHarm, ...]] = ("none", "passive", "unknown", "active")


@dataclass(frozen=True, slots=True)
class SafetyPolicy:
    """What the operator chose. `human_question`: `instruct` tells the model, `answer` gives a text."""

    active: SafetyAction = "notice"
    passive: SafetyAction = "notice"
    human_question: Literal["off", "instruct", "answer"] = "off"
    intervals: Intervals = field(default_factory=Intervals)
    texts: SafetyTexts = field(default_factory=SafetyTexts)
    detector_seconds: float = 1.0

    def action(self, level: SelfHarm) -> SafetyAction:
        """Return what is done about a level. A detector that fails leads to a notice, never to silence."""
        if level == "unknown":
            return "notice"
        return {"none": "none", "passive": self.passive, "active": self.active}[level]


@dataclass(frozen=True, slots=True)
class SafetyPlan:
    """What holds for the replies to one request. Where `spoken` is given, it is the reply."""

    report: SafetyReport = _NOTHING_FOUND
    notices: tuple[Notice, ...] = ()
    duties: tuple[SafetyDuty, ...] = ()
    spoken: str = ""
    jurisdiction: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class SafeReply:
    """A reply after it was looked at: `text` is the operator's where it took the reply's place."""

    text: str
    report: SafetyReport
    notices: tuple[Notice, ...]
    replaced: bool = False


class KeepSafe:
    """Look at what the user says before a reply, at the reply after it, and at the clock.

    It reads the user's messages and the reply, nothing else: no card, fact, note or lorebook can switch it
    off. Without a detector only the clock and the question who answers count.
    """

    def __init__(
        self,
        detector: SelfHarmDetector | None,
        policy: SafetyPolicy,
        telemetry: Telemetry,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        watches = policy.active != "none" or policy.passive != "none"
        self._detector = detector if watches else None
        self._policy = policy
        self._telemetry = telemetry
        self._clock = clock

    async def before(self, said: str, session: Session, language: str = "en") -> SafetyPlan:
        """Return the plan for what the user said last. Raises InvalidInput for a time in the future."""
        now = self._clock()
        _check_times(session, now)
        language = language_of(said, language)
        plan = SafetyPlan(jurisdiction=session.jurisdiction, language=language)
        if kinds := due(session, now, self._policy.intervals):
            plan = replace(plan, notices=tuple(self._notice(kind, plan) for kind in kinds))
        for kind in kinds:
            self._telemetry.notice(kind)
        return self._about_self_harm(self._about_the_question(plan, said), await self._signs(said))

    async def after(self, plan: SafetyPlan, text: str, *, shown: bool) -> SafeReply:
        """Return what goes out for a reply. One that was `shown` already can only get a notice."""
        if plan.spoken:
            return SafeReply(text, plan.report, plan.notices)
        signs = await self._signs(text)
        if signs is NO_SIGNS or signs.level == "passive" or not _worse(signs.level, plan.report.self_harm):
            return SafeReply(text, plan.report, plan.notices)
        found = self._acted_upon(plan, signs, "reply", can_interrupt=not shown)
        if found.spoken:
            return SafeReply(found.spoken, found.report, found.notices, replaced=True)
        return SafeReply(text, found.report, found.notices)

    def _about_the_question(self, plan: SafetyPlan, said: str) -> SafetyPlan:
        chosen = self._policy.human_question
        if chosen == "off" or not asks_who_answers(said):
            return plan
        spoken = self._text("human_question", plan) if chosen == "answer" else ""
        report = plan.report.model_copy(update={"human_question": True})
        return replace(plan, report=report, duties=("tell_ai",), spoken=spoken)

    def _about_self_harm(self, plan: SafetyPlan, signs: SelfHarmSigns) -> SafetyPlan:
        return plan if signs.level == "none" else self._acted_upon(plan, signs, "message")

    def _acted_upon(
        self, plan: SafetyPlan, signs: SelfHarmSigns, found_in: Found, *, can_interrupt: bool = True
    ) -> SafetyPlan:
        action = self._policy.action(signs.level)
        if action == "interrupt" and not can_interrupt:
            action = "notice"
        self._telemetry.self_harm(found_in, signs.level, action)
        told = {"self_harm": signs.level, "manner": signs.manner, "found_in": found_in, "action": action}
        plan = replace(plan, report=plan.report.model_copy(update=told))
        if action == "none":
            return plan
        kept = tuple(notice for notice in plan.notices if notice.kind != "crisis_resources")
        notice = self._notice("crisis_resources", plan)
        plan = replace(plan, notices=(*kept, notice), duties=(*plan.duties, "take_care"))
        return replace(plan, spoken=notice.text) if action == "interrupt" else plan

    async def _signs(self, text: str) -> SelfHarmSigns:
        if self._detector is None or not text.strip():
            return NO_SIGNS
        try:
            signs = self._detector.at_once(text)
            if signs is not None:
                return signs
            async with asyncio.timeout(self._policy.detector_seconds):
                return await self._detector.detect(text)
        except Exception as error:  # noqa: BLE001  # whatever a detector raises, the user gets the notice
            _log.warning("the self-harm detector failed", kind=type(error).__name__)
            return UNKNOWN

    def _notice(self, kind: NoticeKind, plan: SafetyPlan) -> Notice:
        return Notice(kind=kind, text=self._text(kind, plan))

    def _text(self, name: NoticeKind | Literal["human_question"], plan: SafetyPlan) -> str:
        return self._policy.texts.of(name, plan.jurisdiction, plan.language)


def last_words(messages: Sequence[Message]) -> str:
    """Return what the user said since the character's last message, and before it where that comes last."""
    newest_first = dropwhile(lambda message: message.role != "user", reversed(messages))
    said = [message.text for message in takewhile(lambda message: message.role == "user", newest_first)]
    return "\n".join(reversed(said))


def _worse(level: SelfHarm, than: SelfHarm) -> bool:
    return _ORDER.index(level) > _ORDER.index(than)


def _check_times(session: Session, now: datetime) -> None:
    """A time in the future would keep notices away for ever."""
    times = {"session_started_at": session.started_at, "last_notice_at": session.last_notice_at}
    for field_name, time in times.items():
        if time is not None and time > now + CLOCKS_APART:
            raise InvalidInput("lies in the future: send the time at which it happened", field_name)
