"""Whatever a SillyTavern chat says, going through our form loses nothing, and reading always ends."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repartee.domain.chat_files.chat_file import read_chat, told_format, write_chat
from repartee.domain.chat_files.limits import ChatError
from repartee.domain.chat_files.lines import Said
from tests.chat_files import HEADER, SILLYTAVERN, from_json_lines, json_lines

NOW = "2026-03-02T10:00:00.000Z"
CLEAN = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40) | st.just("a\nb\tc\r\n\u2028")
NAMES = st.sampled_from(["Anna", "Blaze", "Вера", "Storm P."])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | CLEAN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(CLEAN, inner, max_size=3),
    max_leaves=6,
)
UNKNOWN = st.dictionaries(CLEAN.map(lambda key: f"x{key}"), VALUES, max_size=3)


@st.composite
def _lines(draw: st.DrawFn) -> dict[str, Any]:
    swipes = draw(st.lists(CLEAN, max_size=3))
    at = draw(st.integers(0, len(swipes) - 1)) if swipes else 0
    kind = draw(st.sampled_from(["user", "character", "narrator", "hidden"]))
    return {
        "name": draw(NAMES),
        "is_user": kind == "user",
        "is_system": kind == "hidden",
        "mes": swipes[at] if swipes else draw(CLEAN),
        "extra": {"type": "narrator"} if kind == "narrator" else draw(UNKNOWN),
        **({"swipes": swipes, "swipe_id": at} if swipes else {}),
        **draw(UNKNOWN),
    }


LINES = st.lists(_lines(), max_size=8)


@settings(deadline=None)
@given(about=UNKNOWN, lines=LINES)
def test_a_chat_comes_back_from_our_form_as_it_was(
    about: dict[str, Any], lines: list[dict[str, Any]]
) -> None:
    data = json_lines({**HEADER, **about}, *lines)
    ours = write_chat(read_chat(data).transcript, "repartee", NOW)
    assert told_format(ours.decode()) == "repartee"
    back = write_chat(read_chat(ours).transcript, "sillytavern", NOW)
    assert from_json_lines(back) == [{**HEADER, **about}, *lines]


@settings(deadline=None)
@given(lines=LINES, added=CLEAN.filter(bool))
def test_a_chat_that_goes_on_keeps_its_lines(lines: list[dict[str, Any]], added: str) -> None:
    chat = read_chat(json_lines(HEADER, *lines)).transcript
    longer = chat.with_messages([*chat.messages, Said("user", added)], "Blaze")
    *before, last = from_json_lines(write_chat(longer, "sillytavern", NOW))
    assert before == [HEADER, *lines]
    assert (last["name"], last["mes"], last["is_user"]) == ("Anna", added, True)


@settings(deadline=None)
@given(lines=LINES)
def test_openai_messages_say_what_was_said_in_order(lines: list[dict[str, Any]]) -> None:
    written = write_chat(read_chat(json_lines(HEADER, *lines)).transcript, "openai", NOW)
    again = read_chat(written, "openai").transcript
    said = [line for line in lines if not line["is_system"] and line["mes"]]
    assert [line.text for line in again.lines] == [line["mes"] for line in said]
    assert [line.speaker == "user" for line in again.lines] == [line["is_user"] for line in said]


FILES = [
    write_chat(read_chat(json_lines(*SILLYTAVERN)).transcript, target, NOW)
    for target in ("sillytavern", "openai", "repartee")
]


@pytest.mark.parametrize("data", FILES, ids=["sillytavern", "openai", "repartee"])
@settings(deadline=None, max_examples=150)
@given(at=st.floats(0, 1), cut=st.integers(0, 30), put=st.binary(max_size=6) | st.just(b"[" * 90))
def test_damaged_files_are_read_or_refused_in_one_line(data: bytes, at: float, cut: int, put: bytes) -> None:
    start = int(at * len(data))
    damaged = data[:start] + put + data[start + cut :]
    for skip_bad in (False, True):
        refusal = ""
        try:
            chat = read_chat(damaged, skip_bad=skip_bad).transcript
            again = read_chat(write_chat(chat, chat.origin, NOW), chat.origin).transcript
            assert again.messages == chat.messages
        except ChatError as error:
            refusal = error.message
        assert "\n" not in refusal
