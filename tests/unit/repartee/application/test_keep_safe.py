from datetime import UTC, datetime

import pytest

from repartee.application.keep_safe import KeepSafe, SafetyPolicy, last_words
from repartee.application.ports import SelfHarmDetector
from repartee.domain.dialogue import Message
from repartee.domain.safety.notices import Session
from repartee.domain.safety.self_harm import NO_SIGNS, SelfHarmSigns
from tests.fakes import FakeTelemetry

ACTIVE = SelfHarmSigns("active", "explicit")


class _Detector(SelfHarmDetector):
    def __init__(self, at_once: SelfHarmSigns | Exception | None, later: SelfHarmSigns = NO_SIGNS) -> None:
        self._at_once = at_once
        self._later = later
        self.waited = False

    def at_once(self, text: str) -> SelfHarmSigns | None:
        if isinstance(self._at_once, Exception):
            raise self._at_once
        return self._at_once

    async def detect(self, text: str) -> SelfHarmSigns:
        self.waited = True
        return self._later


async def _level(detector: SelfHarmDetector) -> str:
    keep_safe = KeepSafe(
        detector, SafetyPolicy(), FakeTelemetry(), lambda: datetime(2026, 11, 20, tzinfo=UTC)
    )
    return (await keep_safe.before("hello", Session())).report.self_harm


async def test_a_detector_that_answers_at_once_is_not_waited_for() -> None:
    detector = _Detector(ACTIVE, later=NO_SIGNS)
    assert (await _level(detector), detector.waited) == ("active", False)


async def test_a_detector_that_cannot_answer_at_once_is_waited_for() -> None:
    detector = _Detector(None, later=ACTIVE)
    assert (await _level(detector), detector.waited) == ("active", True)


async def test_a_detector_that_fails_at_once_leads_to_a_notice() -> None:
    assert await _level(_Detector(ValueError("boom"))) == "unknown"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ((), ""),
        (("c: hi",), ""),
        (("u: a", "u: b"), "a\nb"),
        (("u: a", "c: hi", "u: b", "u: d"), "b\nd"),
        (("u: a", "c: x", "u: b", "c: hi", "c: ho"), "b"),
    ],
)
def test_the_last_words_are_what_the_user_said_since_the_character(said: tuple[str, ...], words: str) -> None:
    messages = [Message(role="user" if one[0] == "u" else "character", text=one[3:]) for one in said]
    assert last_words(messages) == words
