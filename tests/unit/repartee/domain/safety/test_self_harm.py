import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repartee.domain.safety import self_harm
from repartee.domain.safety import self_harm_english as english
from repartee.domain.safety import self_harm_russian as russian
from repartee.domain.safety.phrases import Phrases
from repartee.domain.safety.self_harm import NO_SIGNS, signs_of_self_harm
from repartee.domain.safety.wording import plain

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[4] / "data" / "self_harm.jsonl").read_text("utf-8").splitlines()
]
HARMLESS = {"none", "fiction"}


def _found(language: str, harmless: bool) -> tuple[int, int]:
    texts = [
        case["text"] for case in CASES if case["lang"] == language and (case["kind"] in HARMLESS) == harmless
    ]
    return sum(signs_of_self_harm(text).level != "none" for text in texts), len(texts)


@pytest.mark.parametrize(
    ("language", "found", "alarms"), [("en", (42, 43), (3, 27)), ("ru", (30, 32), (0, 17))]
)
def test_what_it_finds_and_wrongly_raises_on_the_set_is_what_the_documents_say(
    language: str, found: tuple[int, int], alarms: tuple[int, int]
) -> None:
    assert _found(language, harmless=False) == found
    assert _found(language, harmless=True) == alarms


@pytest.mark.parametrize(
    ("text", "level", "manner"),
    [
        ("I want to kill myself", "active", "explicit"),
        ("Я хочу умереть", "passive", "explicit"),
        ("everyone would be better off without me", "passive", "veiled"),
        ("my best friend wants to kill herself", "passive", "third_party"),
        ("kms", "passive", "slang"),
        ("Kill yourself.", "active", "incitement"),
        ("I don't want to kill myself", "passive", "explicit"),
        ('"I want to kill myself," says the ghost', "passive", "explicit"),
        ("*whispers* убью себя", "active", "explicit"),
        ("I w\u200bant to ki\u00adll myself", "active", "explicit"),
    ],
)
def test_it_tells_how_serious_a_sign_is_and_how_it_was_said(text: str, level: str, manner: str) -> None:
    signs = signs_of_self_harm(text)
    assert (signs.level, signs.manner) == (level, manner)


PATTERNS = [
    (group, pattern)
    for group in self_harm._GROUPS
    for pattern in getattr({"en": english, "ru": russian}[group.name[:2]], group.name[3:])
]
LETTERS = st.characters(codec="utf-8", categories=("L", "N", "P", "Z"), max_codepoint=0x4FF)


@pytest.mark.parametrize(("group", "pattern"), PATTERNS)
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_a_pattern_matches_holds_one_of_its_phrases(data: st.DataObject, group, pattern) -> None:
    text = plain(data.draw(st.from_regex(re.compile(pattern), alphabet=LETTERS)))
    assert re.search(pattern, text) is None or group.name in self_harm._QUICK_LOOK.named_in(text)


def test_the_quick_look_leaves_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = [signs_of_self_harm(case["text"]) for case in CASES]
    monkeypatch.setattr(Phrases, "named_in", lambda *_: {group.name for group in self_harm._GROUPS})
    assert [signs_of_self_harm(case["text"]) for case in CASES] == quick


def test_nothing_is_found_in_nothing() -> None:
    assert signs_of_self_harm("") is NO_SIGNS
