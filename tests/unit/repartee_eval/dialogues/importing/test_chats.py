"""OpenAI messages, ShareGPT and SillyTavern chats become dialogues."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repartee.domain.character import Character
from repartee.domain.chat_files.limits import ChatError
from repartee_eval.dialogues.bad_lines import BadLines
from repartee_eval.dialogues.characters import Characters
from repartee_eval.dialogues.importing.casting import Cast, Casting, casting_for
from repartee_eval.dialogues.importing.chat_rows import chat_of, read_rows, read_sillytavern_file
from repartee_eval.errors import EvalError
from tests.unit.repartee_eval.dialogues.talks import MARLOW

KNOWN = Casting(Characters({"marlow": MARLOW}))
ROLES = {"user": "user", "character": "assistant"}
SENDERS = {"user": "human", "character": "gpt"}

said = st.tuples(
    st.sampled_from(["user", "character"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20),
)
talks = st.lists(said, min_size=1, max_size=6).filter(lambda turns: any(role == "user" for role, _ in turns))


@settings(max_examples=80, deadline=None)
@given(talks)
def test_messages_come_in_as_they_were_whatever_the_form(turns: list[tuple[str, str]]) -> None:
    openai = {"messages": [{"role": ROLES[role], "content": text} for role, text in turns]}
    sharegpt = {"conversations": [{"from": SENDERS[role], "value": text} for role, text in turns]}
    for fields, source in ((openai, "openai"), (sharegpt, "sharegpt")):
        dialogue = chat_of(fields, source, Casting())
        assert [(turn.role, turn.text) for turn in dialogue.messages] == turns
        assert dialogue.source == source


@settings(max_examples=80, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["messages", "conversations", "role", "content", "from", "value", "id"]),
                inner,
            )
        ),
        max_leaves=8,
    ),
    st.sampled_from(["openai", "sharegpt"]),
)
def test_odd_chats_are_refused_with_one_kind_of_error(fields: Any, source: str) -> None:
    with suppress(ChatError):
        dialogue = chat_of(fields, source, Casting())
        assert any(turn.role == "user" for turn in dialogue.messages)


def openai(*contents: str, **more: Any) -> dict[str, Any]:
    roles = {"s": "system", "u": "user", "a": "assistant"}
    return {"messages": [{"role": roles[text[0]], "content": text} for text in contents], **more}


def test_the_system_text_describes_a_character_that_nobody_named() -> None:
    one, other = (
        chat_of(openai(text, "u1", "a1"), "openai", Casting()) for text in ("s You are Ana", "s Bob")
    )
    assert (one.character.name, one.character.description) == ("Character", "s You are Ana")
    assert one.character_id != other.character_id


@pytest.mark.parametrize(
    ("given_character", "name", "description"),
    [("marlow", "Marlow", "A detective."), ("Marlow", "Marlow", "A detective."), ("Zoe", "Zoe", "s prompt")],
)
def test_the_given_character_answers(given_character: str, name: str, description: str) -> None:
    casting = casting_for(given_character, KNOWN.characters)
    dialogue = chat_of(openai("s prompt", "u1", "a1"), "openai", casting)
    assert (dialogue.character.name, dialogue.character.description) == (name, description)
    assert dialogue.character_id == name.lower()


def test_a_card_file_may_be_given(tmp_path: Path) -> None:
    card = tmp_path / "zoe.json"
    card.write_text(json.dumps({"name": "Zoe", "description": "Bakes."}))
    casting = casting_for(str(card), KNOWN.characters)
    assert casting.given == Cast("zoe", Character(name="Zoe", description="Bakes."))
    with pytest.raises(EvalError, match=r"none\.json"):
        casting_for(str(tmp_path / "none.json"), KNOWN.characters)


def test_later_system_messages_and_tools_are_not_said() -> None:
    fields = openai("s1", "u1", "a1", "s2", "u2", "a2", model="gpt-x", id="chat-7")
    dialogue = chat_of(fields, "openai", Casting())
    assert [turn.text for turn in dialogue.messages] == ["u1", "a1", "u2", "a2"]
    assert [turn.model for turn in dialogue.messages] == [None, "gpt-x"] * 2
    assert dialogue.id == "openai-chat-7"


def test_bad_chats_of_a_file_are_told_by_line(tmp_path: Path) -> None:
    rows = [openai("u1", "a1"), {"messages": "x"}, openai("a1"), {"no": 1}, openai("u2", "a2")]
    path = tmp_path / "chats.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    bad = BadLines(skip=True)
    assert len(list(read_rows(path, "openai", KNOWN, bad))) == 2
    assert bad.numbers[str(path)] == [2, 3, 4]
    assert "no message of the user" in bad.first[1].problem


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(openai("u1", "a1"), indent=2),
        json.dumps(openai("u1", "a1")["messages"]),
        json.dumps([openai("u1", "a1")]),
        "".join(json.dumps(message) + "\n" for message in openai("u1", "a1")["messages"]),
    ],
    ids=["one document", "bare list", "list of chats", "a message per line"],
)
def test_one_chat_in_other_layouts(tmp_path: Path, text: str) -> None:
    path = tmp_path / "chat.json"
    path.write_text(text)
    (dialogue,) = read_rows(path, "openai", KNOWN, BadLines())
    assert [turn.text for turn in dialogue.messages] == ["u1", "a1"]


def test_an_unknown_sender_of_sharegpt_is_named() -> None:
    with pytest.raises(ChatError, match="message 1: from: must be human"):
        chat_of({"conversations": [{"from": "alien", "value": "x"}]}, "sharegpt", Casting())


def sillytavern(tmp_path: Path, *rows: Any) -> Path:
    header = {"user_name": "Maya", "character_name": "Marlow", "create_date": "2026-1-5@20h00m00s"}
    path = tmp_path / "chat.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in (header, *rows)))
    return path


GREETING = {"name": "Marlow", "is_user": False, "mes": "Sit.", "swipes": ["Sit.", "Stand."], "swipe_id": 0}
ASKED = {"name": "Maya", "is_user": True, "mes": "Tea?", "send_date": "January 5, 2026 8:01pm"}
ANSWERED = {
    "name": "Marlow",
    "is_user": False,
    "mes": "Later.",
    "send_date": "2026-01-05T20:02:00.000Z",
    "swipes": ["No.", "Later."],
    "swipe_id": 1,
    "extra": {"model": "llama-x", "api": "openai"},
}


def test_a_sillytavern_chat_keeps_model_dates_and_what_was_swiped_away(tmp_path: Path) -> None:
    path = sillytavern(tmp_path, GREETING, ASKED, ANSWERED)
    (dialogue,) = read_sillytavern_file(path, KNOWN, BadLines())
    assert (dialogue.character_id, dialogue.character, dialogue.user.name) == ("marlow", MARLOW, "Maya")
    assert [turn.text for turn in dialogue.messages] == ["Sit.", "Tea?", "Later."]
    reply = dialogue.messages[2]
    assert reply.model == "llama-x"
    assert [(old.text, old.feedback) for old in reply.discarded] == [("No.", ("regenerate",))]
    assert dialogue.messages[0].discarded == ()
    assert [turn.at and (turn.at.hour, turn.at.minute) for turn in dialogue.messages] == [
        None,
        (20, 1),
        (20, 2),
    ]


def test_a_sillytavern_chat_keeps_its_id_when_it_goes_on(tmp_path: Path) -> None:
    (before,) = read_sillytavern_file(sillytavern(tmp_path, GREETING, ASKED), KNOWN, BadLines())
    (after,) = read_sillytavern_file(sillytavern(tmp_path, GREETING, ASKED, ANSWERED), KNOWN, BadLines())
    assert before.id == after.id


def test_a_broken_line_of_a_chat_is_told_or_skipped(tmp_path: Path) -> None:
    path = sillytavern(tmp_path, GREETING, {"name": "x", "mes": 5}, ASKED, ANSWERED)
    strict, lenient = BadLines(), BadLines(skip=True)
    assert list(read_sillytavern_file(path, KNOWN, strict)) == []
    (dialogue,) = read_sillytavern_file(path, KNOWN, lenient)
    assert (strict.numbers, lenient.numbers) == ({str(path): [3]}, {str(path): [3]})
    assert len(dialogue.messages) == 3


def test_speakers_of_a_group_are_named(tmp_path: Path) -> None:
    path = sillytavern(tmp_path, GREETING, ASKED, {**ANSWERED, "name": "Wren"})
    (dialogue,) = read_sillytavern_file(path, KNOWN, BadLines())
    assert [turn.speaker for turn in dialogue.messages] == ["Marlow", "", "Wren"]
