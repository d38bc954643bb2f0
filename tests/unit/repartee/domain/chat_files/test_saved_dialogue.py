import json
from typing import Any

import pytest

from repartee.domain.chat_files.cast import Cast
from repartee.domain.chat_files.chat_file import read_chat, write_chat
from repartee.domain.chat_files.limits import ChatError
from repartee.domain.chat_files.lines import Said
from repartee.domain.dialogue import Message
from repartee.domain.user import User
from tests.chat_files import SILLYTAVERN, from_json_lines, json_lines

NOW = "2026-03-02T10:00:00.000Z"
SAVED: dict[str, Any] = {
    "character": "blaze",
    "user": {"id": "maya", "name": "Maya", "description": ""},
    "messages": [{"role": "user", "text": "привет"}, {"role": "character", "text": "Добрый вечер."}],
}


def _data(document: Any) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def test_a_saved_dialogue_is_written_as_it_was() -> None:
    chat = read_chat(_data(SAVED)).transcript
    assert chat.cast == Cast("blaze", User(id="maya", name="Maya"))
    assert [line.name for line in chat.lines] == ["Maya", "blaze"]
    assert write_chat(chat, "repartee", NOW) == _data(SAVED)


def test_unknown_fields_are_kept() -> None:
    document = {**SAVED, "summary": "a bar", "messages": [{**SAVED["messages"][0], "at": 5}]}
    assert json.loads(write_chat(read_chat(_data(document)).transcript, "repartee", NOW)) == document


def test_messages_of_another_program_are_plain_and_its_lines_beside_them() -> None:
    saved = json.loads(write_chat(read_chat(json_lines(*SILLYTAVERN)).transcript, "repartee", NOW))
    assert saved["character"] == "Blaze"
    assert [set(message) for message in saved["messages"]] == [{"role", "text"}] * 3
    assert saved["chat_file"]["format"] == "sillytavern"
    assert [saved["chat_file"]["header"], *saved["chat_file"]["lines"]] == SILLYTAVERN


def test_a_message_added_by_hand_goes_into_the_other_program_s_file() -> None:
    saved = json.loads(write_chat(read_chat(json_lines(*SILLYTAVERN)).transcript, "repartee", NOW))
    saved["messages"].append({"role": "user", "text": "More tea."})
    written = from_json_lines(write_chat(read_chat(_data(saved)).transcript, "sillytavern", NOW))
    assert written[:-1] == SILLYTAVERN
    assert (written[-1]["name"], written[-1]["mes"]) == ("Anna", "More tea.")


def test_a_card_is_kept_whole_through_sillytavern() -> None:
    document = {**SAVED, "character": {"spec": "chara_card_v3", "data": {"name": "Blaze", "x": [1.5]}}}
    chat = read_chat(write_chat(read_chat(_data(document)).transcript, "sillytavern", NOW)).transcript
    assert chat.cast.character == document["character"]
    assert chat.lines[1].name == "Blaze"
    assert chat.messages == (Said("user", "привет"), Said("character", "Добрый вечер."))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"character": 5}, "character: must be a name or a card"),
        ({"character": ""}, "character: String should have at least 1 character"),
        ({"user": {"id": "no id"}}, "user.id: must be 1 to 128 ASCII letters"),
        ({"user": {"nick": "a"}}, "user.nick: Extra inputs are not permitted"),
        ({"messages": {}}, "messages: must be a list"),
        ({"messages": [{"role": "system", "text": "a"}]}, "message 1: role: must be user or character"),
        ({"messages": [{"role": "user"}]}, "message 1: text: Input should be a valid string"),
        ({"chat_file": {"format": "risu"}}, "chat_file: format: must be sillytavern or openai"),
        (
            {"chat_file": {"format": "sillytavern", "lines": [{"mes": 1}]}},
            "chat_file, line 1: mes: must be the message's text",
        ),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ChatError) as caught:
        read_chat(_data({**SAVED, **changes}), "repartee")
    assert caught.value.message.startswith(said)


def test_a_line_that_its_own_program_s_file_could_not_hold_is_refused() -> None:
    deep = json.loads("[" * 82 + "]" * 82)
    document = {**SAVED, "chat_file": {"format": "sillytavern", "lines": [{"mes": "a", "x": deep}]}}
    with pytest.raises(ChatError, match="chat_file, line 1: is nested deeper than 80 levels"):
        read_chat(_data(document))


def test_a_bad_message_can_be_skipped() -> None:
    document = {**SAVED, "messages": [{"role": "user"}, *SAVED["messages"]]}
    found = read_chat(_data(document), skip_bad=True)
    assert ([error.place for error in found.skipped], len(found.transcript.lines)) == (["message 1"], 2)


def test_of_a_group_chat_each_message_keeps_its_speaker() -> None:
    rows = [
        {"user_name": "Anna", "character_name": "Blaze", "chat_metadata": {}},
        {"name": "Anna", "is_user": True, "mes": "hi"},
        {"name": "Blaze", "is_user": False, "mes": "Evening."},
        {"name": "Juno", "is_user": False, "mes": "Mind the pipe."},
    ]
    saved = write_chat(read_chat(json_lines(*rows)).transcript, "repartee", NOW)
    messages = json.loads(saved)["messages"]
    assert [one["speaker"] for one in messages] == ["Anna", "Blaze", "Juno"]
    assert [Message.model_validate(one).speaker for one in messages] == ["Anna", "Blaze", "Juno"]
    plain = json.loads(saved)
    del plain["chat_file"]
    again = read_chat(_data(plain)).transcript
    assert [line.name for line in again.lines] == ["Anna", "Blaze", "Juno"]
    assert json.loads(write_chat(again, "repartee", NOW))["messages"] == messages
    with pytest.raises(ChatError, match="speaker"):
        read_chat(_data({**SAVED, "messages": [{"role": "user", "text": "x", "speaker": "a\nb"}]}))
