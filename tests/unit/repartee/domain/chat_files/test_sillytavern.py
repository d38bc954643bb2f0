from dataclasses import replace
from typing import Any

import pytest

from repartee.domain.chat_files.cast import Cast
from repartee.domain.chat_files.chat_file import read_chat, write_chat
from repartee.domain.chat_files.limits import ChatError
from repartee.domain.chat_files.lines import Said
from repartee.domain.chat_files.transcript import Transcript
from repartee.domain.user import User
from tests.chat_files import (
    GREETING,
    HEADER,
    NARRATION,
    NOTE,
    SILLYTAVERN,
    WORDS,
    from_json_lines,
    json_lines,
)

NOW = "2026-03-02T10:00:00.000Z"


def _read(*rows: Any) -> Transcript:
    return read_chat(json_lines(*rows), "sillytavern").transcript


def _written(transcript: Transcript) -> list[Any]:
    return from_json_lines(write_chat(transcript, "sillytavern", NOW))


def test_what_was_said_is_the_dialogue_and_what_is_hidden_is_not() -> None:
    chat = _read(*SILLYTAVERN)
    assert chat.cast == Cast("Blaze", User(name="Anna"))
    assert chat.messages == (
        Said("character", "Evening, Anna."),
        Said("user", "Чаю, пожалуйста.\u2028И мёда."),
        Said("character", "Rain begins."),
    )
    assert [(line.speaker, line.name, line.hidden) for line in chat.lines] == [
        ("character", "Blaze", False),
        ("user", "Anna", False),
        ("character", "System", True),
        ("narrator", "Storm", False),
    ]


def test_unchanged_lines_are_written_as_they_were() -> None:
    assert write_chat(_read(*SILLYTAVERN), "sillytavern", NOW) == json_lines(*SILLYTAVERN)


def test_a_group_keeps_every_name() -> None:
    other = {**GREETING, "name": "Vera", "original_avatar": "vera.png"}
    header = {**HEADER, "character_name": "unused", "user_name": "unused"}
    chat = _read(header, other, GREETING, WORDS)
    assert chat.cast == Cast("Vera", User(name="Anna"))
    assert [line.name for line in chat.lines] == ["Vera", "Blaze", "Anna"]
    assert _written(chat) == [header, other, GREETING, WORDS]


def test_a_message_without_words_is_kept_and_not_spoken() -> None:
    picture = {**WORDS, "mes": "", "extra": {"image": "cat.png"}}
    chat = _read(HEADER, picture, GREETING)
    assert chat.messages == (Said("character", "Evening, Anna."),)
    assert _written(chat) == [HEADER, picture, GREETING]


def test_a_chat_without_its_first_line_gets_one() -> None:
    chat = _read(GREETING, WORDS)
    assert chat.cast == Cast("Blaze", User(name="Anna"))
    assert _written(chat) == [
        {"user_name": "Anna", "character_name": "Blaze", "create_date": NOW, "chat_metadata": {}},
        GREETING,
        WORDS,
    ]


def test_nobody_has_a_name_where_none_is_told() -> None:
    assert _read({"chat_metadata": {}}).cast == Cast("Character", User(name="User"))


def test_a_reply_that_was_tried_again_is_another_swipe() -> None:
    chat = _read(HEADER, GREETING)
    again = _written(chat.with_messages([Said("character", "You again?")], "Blaze"))[1]
    assert again == {
        **GREETING,
        "mes": "You again?",
        "swipes": ["Welcome back.", "Evening, Anna.", "You again?"],
        "swipe_id": 2,
        "swipe_info": [*GREETING["swipe_info"], {"send_date": NOW, "extra": {}}],
    }


def test_a_reply_without_swipes_gets_them_when_it_is_tried_again() -> None:
    chat = _read(HEADER, NARRATION).with_messages([Said("character", "Snow begins.")], "Blaze")
    assert _written(chat)[1] == {
        **NARRATION,
        "mes": "Snow begins.",
        "swipes": ["Rain begins.", "Snow begins."],
        "swipe_id": 1,
    }


def test_a_reply_that_was_a_swipe_before_is_chosen() -> None:
    chat = _read(HEADER, GREETING).with_messages([Said("character", "Welcome back.")], "Blaze")
    assert _written(chat)[1] == {**GREETING, "mes": "Welcome back.", "swipe_id": 0}


def test_corrected_words_of_the_user_are_no_swipe() -> None:
    chat = _read(HEADER, WORDS).with_messages([Said("user", "Кофе.")], "Blaze")
    assert _written(chat)[1] == {**WORDS, "mes": "Кофе."}


def test_new_messages_have_names_and_a_date() -> None:
    chat = _read(*SILLYTAVERN)
    said = [*chat.messages, Said("user", "Bye."), Said("character", "Night.")]
    written = _written(chat.with_messages(said, "Blaze"))
    assert written[: len(SILLYTAVERN)] == SILLYTAVERN
    new = {"is_system": False, "send_date": NOW, "extra": {}}
    assert written[len(SILLYTAVERN) :] == [
        {"name": "Anna", "is_user": True, "mes": "Bye.", **new},
        {"name": "Blaze", "is_user": False, "mes": "Night.", **new},
    ]


def test_a_cast_that_names_do_not_tell_is_kept_beside_other_metadata() -> None:
    cast = Cast({"name": "Blaze", "personality": "dry"}, User(id="anna", name="Anna"))
    header, *rows = _written(replace(_read(*SILLYTAVERN), cast=cast))
    assert rows == SILLYTAVERN[1:]
    assert header["chat_metadata"].pop("repartee")["user"] == {
        "id": "anna",
        "name": "Anna",
        "description": "",
    }
    assert header == HEADER
    rewritten = write_chat(replace(_read(*SILLYTAVERN), cast=cast), "sillytavern", NOW)
    assert read_chat(rewritten).transcript.cast == cast


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"mes": ', "line 3, column 9: is not JSON: Expecting value"),
        ("[1]", "line 3: must be a JSON object"),
        ({"name": "Anna"}, "line 3: mes: must be the message's text"),
        ({**WORDS, "mes": None}, "line 3: mes: must be the message's text"),
        ({**WORDS, "mes": "a\x00b"}, "line 3: mes: must not contain control characters or lone surrogates"),
        ({**WORDS, "mes": "a" * 32_001}, "line 3: mes: String should have at most 32000 characters"),
        ({**WORDS, "name": 5}, "line 3: name: must be a text"),
        ({**WORDS, "name": "a\nb"}, "line 3: name: must be on one line"),
        ({**WORDS, "is_user": "yes"}, "line 3: is_user: must be true or false"),
        ({**GREETING, "extra": []}, "line 3: extra: must be an object"),
        ({**GREETING, "swipes": [1]}, "line 3: swipes: must be a list of texts"),
        ('{"mes": "a", "mes": "b"}', "line 3: an object has the same key twice"),
        ('{"mes": "a", "x": NaN}', "line 3: NaN and Infinity are no JSON"),
        ('{"mes": "a", "x": 1e999}', "line 3: a number is too large"),
        ('{"mes": "a", "x": "\\ud83d"}', "line 3: a text holds half of a character"),
        ('{"mes": "a", "x": ' + "[" * 90 + "]" * 90 + "}", "line 3: is nested deeper than 80 levels"),
        ('{"mes": "a", "x": ' + "[" * 9_000 + "]" * 9_000 + "}", "line 3: is nested deeper than 80 levels"),
        ('{"mes": "a", "x": ' + "9" * 9_000 + "}", "line 3: a number is too long"),
    ],
)
def test_a_bad_line_is_named_and_can_be_skipped(row: Any, said: str) -> None:
    data = json_lines(HEADER, GREETING, row, NOTE, WORDS)
    with pytest.raises(ChatError) as caught:
        read_chat(data, "sillytavern")
    assert caught.value.message.startswith(said)
    found = read_chat(data, "sillytavern", skip_bad=True)
    assert [error.message for error in found.skipped] == [caught.value.message]
    assert _written(found.transcript) == [HEADER, GREETING, NOTE, WORDS]


@pytest.mark.parametrize(
    "header",
    [
        {**HEADER, "user_name": "a\nb"},
        {**HEADER, "chat_metadata": []},
        {**HEADER, "chat_metadata": {"repartee": {"character": 1}}},
        {**HEADER, "chat_metadata": {"repartee": {"character": "Blaze", "user": {"id": "no id"}}}},
    ],
)
def test_a_bad_first_line_is_named_and_can_be_skipped(header: dict[str, Any]) -> None:
    data = json_lines(header, GREETING, WORDS)
    with pytest.raises(ChatError, match="line 1: "):
        read_chat(data, "sillytavern")
    found = read_chat(data, "sillytavern", skip_bad=True)
    assert (len(found.skipped), found.transcript.cast) == (1, Cast("Blaze", User(name="Anna")))


def test_a_hidden_line_may_hold_what_a_message_may_not() -> None:
    log = {**NOTE, "mes": "x" * 50_000, "name": ""}
    assert _written(_read(HEADER, log, WORDS)) == [HEADER, log, WORDS]
