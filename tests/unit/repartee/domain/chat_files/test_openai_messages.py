import json
from typing import Any

import pytest

from repartee.domain.chat_files.cast import Cast
from repartee.domain.chat_files.chat_file import read_chat, write_chat
from repartee.domain.chat_files.limits import ChatError
from repartee.domain.chat_files.lines import Said
from repartee.domain.user import User
from tests.chat_files import GREETING, HEADER, NARRATION, NOTE, WORDS, json_lines

NOW = "2026-03-02T10:00:00.000Z"
PROMPT = {"role": "system", "content": "You are Blaze."}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "c1"}]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "12 °C"}
HELLO = {
    "role": "user",
    "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo."}],
    "name": "Anna",
}
REPLY = {"role": "assistant", "content": "Evening.", "refusal": None}
RAIN = {"role": "developer", "content": "Rain begins."}
MESSAGES = [PROMPT, CALL, RESULT, HELLO, REPLY, CALL, RESULT, RAIN]
DIALOGUE = (Said("user", "Hello."), Said("character", "Evening."), Said("character", "Rain begins."))


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(MESSAGES).encode(),
        json.dumps({"messages": MESSAGES}, indent=2).encode(),
        json_lines({"messages": MESSAGES}),
        json_lines(*MESSAGES),
    ],
    ids=["list", "object", "one line", "message per line"],
)
def test_the_dialogue_is_read_and_every_message_kept(data: bytes) -> None:
    chat = read_chat(data).transcript
    assert chat.messages == DIALOGUE
    assert chat.cast == Cast("Character", User(name="Anna"))
    assert json.loads(write_chat(chat, "openai", NOW)) == {"messages": MESSAGES}
    assert write_chat(chat, "openai", NOW, one_line=True).count(b"\n") == 1


def test_fields_beside_the_messages_are_kept() -> None:
    document = {"model": "m", "messages": MESSAGES, "tools": [{"type": "function"}]}
    chat = read_chat(json.dumps(document).encode()).transcript
    assert json.loads(write_chat(chat, "openai", NOW)) == document


def test_changed_words_keep_the_fields_of_their_message() -> None:
    chat = read_chat(json.dumps(MESSAGES).encode()).transcript
    changed = chat.with_messages([DIALOGUE[0], Said("character", "Morning."), DIALOGUE[2]], "Blaze")
    written = json.loads(write_chat(changed, "openai", NOW))["messages"]
    assert written == [*MESSAGES[:4], {**REPLY, "content": "Morning."}, *MESSAGES[5:]]


def test_a_chat_with_one_character_is_written_without_names_and_hidden_lines() -> None:
    chat = read_chat(json_lines(HEADER, NOTE, GREETING, WORDS, NARRATION)).transcript
    assert json.loads(write_chat(chat, "openai", NOW))["messages"] == [
        {"role": "assistant", "content": GREETING["mes"]},
        {"role": "user", "content": WORDS["mes"]},
        {"role": "system", "content": NARRATION["mes"]},
    ]


def test_a_group_is_written_with_the_names_that_a_request_may_have() -> None:
    chat = read_chat(json_lines(HEADER, GREETING, {**GREETING, "name": "Vera P."}, WORDS)).transcript
    written = json.loads(write_chat(chat, "openai", NOW))["messages"]
    assert [message.get("name") for message in written] == ["Blaze", None, "Anna"]


def _bad(row: Any) -> str:
    with pytest.raises(ChatError) as caught:
        read_chat(json.dumps([HELLO, row]).encode(), "openai")
    found = read_chat(json.dumps([HELLO, row]).encode(), "openai", skip_bad=True)
    assert ([error.message for error in found.skipped], len(found.transcript.lines)) == (
        [caught.value.message],
        1,
    )
    return caught.value.message


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("hello", "message 2: must be a JSON object"),
        ({"content": "hello"}, "message 2: role: must be user, assistant,"),
        ({"role": "user", "content": 5}, "message 2: content: must be a text"),
        (
            {"role": "user", "content": [{"type": "image_url"}]},
            "message 2: content: holds a part that is no text",
        ),
        ({"role": "user", "content": "a\x00"}, "message 2: content: must not contain control characters"),
        ({"role": "user", "content": "a", "name": "a\nb"}, "message 2: name: must be on one line"),
    ],
)
def test_a_bad_message_is_named_and_can_be_skipped(row: Any, said: str) -> None:
    assert _bad(row).startswith(said)


def test_a_bad_line_is_named_by_its_number() -> None:
    with pytest.raises(ChatError, match=r"line 2, column 1: is not JSON"):
        read_chat(json_lines(HELLO, "oops", REPLY))


def test_a_file_of_many_chats_is_refused() -> None:
    with pytest.raises(ChatError, match="line 1: is a whole chat, and there are other lines"):
        read_chat(json_lines({"messages": [HELLO]}, {"messages": [HELLO]}))


@pytest.mark.parametrize("document", [{"messages": {}}, {"a": 1}, 5])
def test_what_holds_no_messages_is_refused(document: Any) -> None:
    with pytest.raises(ChatError, match="must hold a list of messages"):
        read_chat(json.dumps(document).encode(), "openai")
