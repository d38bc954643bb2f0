import json

import pytest

from repartee.domain.chat_files import limits
from repartee.domain.chat_files.chat_file import left_out, read_chat, told_format, write_chat
from repartee.domain.chat_files.limits import ChatError
from tests.chat_files import HEADER, SILLYTAVERN, WORDS, json_lines

NOW = "2026-03-02T10:00:00.000Z"
SAVED = {"character": "blaze", "user": {}, "messages": [{"role": "user", "text": "a"}]}
OPENAI = [{"role": "user", "content": "a"}]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (json_lines(*SILLYTAVERN).decode(), "sillytavern"),
        (json_lines(HEADER).decode(), "sillytavern"),
        (json_lines("oops", WORDS).decode(), "sillytavern"),
        (json_lines(*OPENAI, *OPENAI).decode(), "openai"),
        (json_lines({"messages": OPENAI}).decode(), "openai"),
        (json.dumps(OPENAI, indent=2), "openai"),
        (json.dumps(SAVED), "repartee"),
        (json.dumps(SAVED, indent=2), "repartee"),
    ],
)
def test_the_content_tells_the_format(text: str, told: str) -> None:
    assert told_format(text) == told


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b" \n", "is empty"),
        (b"hello", "column 1: is not JSON: Expecting value"),
        (b'{\n"character": "blaze",\n"messages": [}', "line 3, column 14: is not JSON: Expecting value"),
        (b"{}", "is no chat of SillyTavern, no OpenAI messages and no saved dialogue"),
        (b"[]", "is no chat of SillyTavern"),
        (b"{}\n\xff", "line 2: is not UTF-8 text"),
    ],
)
def test_what_is_no_chat_is_one_error(data: bytes, said: str) -> None:
    with pytest.raises(ChatError) as caught:
        read_chat(data)
    assert caught.value.message.startswith(said)


def test_windows_files_are_read() -> None:
    data = b"\xef\xbb\xbf" + json_lines(*SILLYTAVERN).replace(b"\n", b"\r\n\r\n")
    assert read_chat(data).transcript == read_chat(json_lines(*SILLYTAVERN)).transcript


@pytest.mark.parametrize(
    ("bound", "value", "said"),
    [
        ("FILE_BYTES", 100, "is larger than"),
        ("VALUES", 5, "holds more than 5 objects and lists"),
        ("LINES", 3, "has more than 3 lines"),
        ("LINE_CHARACTERS", 190, "line 2: is longer than 190 characters"),
    ],
)
def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch, bound: str, value: int, said: str) -> None:
    monkeypatch.setattr(limits, bound, value)
    with pytest.raises(ChatError) as caught:
        read_chat(json_lines(*SILLYTAVERN), "sillytavern")
    assert caught.value.message.startswith(said)


@pytest.mark.parametrize(
    ("document", "said"), [(OPENAI * 4, "has more than 3 messages"), (SAVED, "messages: must")]
)
def test_messages_are_bounded(monkeypatch: pytest.MonkeyPatch, document: object, said: str) -> None:
    monkeypatch.setattr(limits, "LINES", 3)
    long = {**SAVED, "messages": SAVED["messages"] * 4} if document is SAVED else document
    with pytest.raises(ChatError, match=said):
        read_chat(json.dumps(long).encode())


def test_a_file_that_could_not_be_read_again_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    chat = read_chat(json_lines(*SILLYTAVERN)).transcript
    monkeypatch.setattr(limits, "FILE_BYTES", 100)
    with pytest.raises(ChatError, match="would be larger than"):
        write_chat(chat, "repartee", NOW)


def test_what_a_format_cannot_say_is_told() -> None:
    chat = read_chat(json_lines(*SILLYTAVERN)).transcript
    assert left_out(chat, "sillytavern") == left_out(chat, "repartee") == ()
    assert left_out(chat, "openai") == (
        "lines that are hidden or have no text: 1",
        "other swipes, of messages: 1",
        "fields of messages: extra, force_avatar, send_date, swipe_info",
        "what sillytavern says about the chat: user_name, character_name, create_date, chat_metadata",
    )
