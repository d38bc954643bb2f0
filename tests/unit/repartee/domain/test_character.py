import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from repartee.domain.character import Character

CARD = {
    "spec": "chara_card_v3",
    "spec_version": "3.0",
    "data": {
        "name": "Ada Vale",
        "nickname": "Ada",
        "description": "{{char}} mends clocks.",
        "first_mes": "*looks up* Hello, {{user}}.",
        "alternate_greetings": ["Back again, {{user}}?", "  "],
        "mes_example": "<START>\n{{user}}: hi\n{{char}}: *nods*\nSit down.\n"
        "<START>\nAda: On my own.\n{{user}}:\n",
        "extensions": {
            "repartee": {"age": 60, "language": "en", "style": {"max_words": 30}},
            "other": {"x": 1},
        },
        "unknown_field": [1, 2],
    },
}


def test_a_v3_card_object_becomes_a_character_with_our_extensions_lifted() -> None:
    character = Character.from_card(CARD)
    assert (character.name, character.age, character.language, character.style.max_words) == (
        "Ada Vale",
        60,
        "en",
        30,
    )


def test_unknown_fields_and_extensions_survive() -> None:
    dumped = Character.from_card(CARD).model_dump()
    assert dumped["unknown_field"] == [1, 2]
    assert dumped["extensions"]["other"] == {"x": 1}


def test_a_bare_character_needs_only_a_name() -> None:
    character = Character.from_card({"name": "Kim", "age": 30, "description": "A friend."})
    assert character.greetings("Ann") == ()
    assert character.example_dialogues() == ()


@pytest.mark.parametrize(
    "card", [{}, {"name": "  "}, {"name": "x" * 129}, {"name": "a\x00b"}, {"name": 3}, [], "x"]
)
def test_a_card_without_a_usable_name_is_refused(card: object) -> None:
    with pytest.raises(ValidationError):
        Character.model_validate(card)


def test_greetings_use_the_nickname_and_skip_blank_ones() -> None:
    assert Character.from_card(CARD).greetings("Ann") == ("*looks up* Hello, Ann.", "Back again, Ann?")


def test_example_dialogues_follow_the_card_format() -> None:
    blocks = Character.from_card(CARD).example_dialogues()
    assert [[(m.role, m.text) for m in block] for block in blocks] == [
        [("user", "hi"), ("character", "*nods*\nSit down.")],
        [("character", "On my own.")],
    ]


@given(
    st.text(max_size=300), st.text(min_size=1, max_size=20).filter(lambda s: s.strip() and s.isprintable())
)
def test_any_example_text_is_parsed_without_failing(examples: str, name: str) -> None:
    try:
        character = Character(name=name, mes_example=examples)
    except ValidationError:
        return
    for block in character.example_dialogues():
        assert all(message.text.strip() for message in block)


def test_a_card_round_trips_through_json() -> None:
    character = Character.from_card(CARD)
    assert Character.model_validate(json.loads(character.model_dump_json())) == character


def test_a_card_of_line_breaks_is_parsed_in_linear_time() -> None:
    character = Character(name="Ada", mes_example="\n" * 65_536)
    started = time.perf_counter()
    assert character.example_dialogues() == ()
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("field", ["name", "nickname"])
@pytest.mark.parametrize("break_", ["\n", "\r", "\u2028", "\u202e", "\u200b"])
def test_a_name_cannot_bring_lines_into_the_prompt(field: str, break_: str) -> None:
    with pytest.raises(ValidationError):
        Character.model_validate({"name": "Ada", field: f"X{break_}# How to write"})


def test_a_nickname_is_as_short_as_a_name() -> None:
    with pytest.raises(ValidationError):
        Character(name="Ada", nickname="n" * 129)


def test_an_emoji_of_several_signs_is_a_name() -> None:
    assert Character(name="👩\u200d🚀 Ada").name == "👩\u200d🚀 Ada"


def test_an_example_longer_than_any_message_is_left_out() -> None:
    character = Character(name="Ada", mes_example="{{user}}: hi\n{{char}}: " + "a" * 40_000)
    assert [[message.text for message in block] for block in character.example_dialogues()] == [["hi"]]


def test_an_example_keeps_every_sign_of_its_text() -> None:
    character = Character(name="Ada", mes_example="{{char}}: one\u2028two\u2029three")
    assert character.example_dialogues()[0][0].text == "one\u2028two\u2029three"


def test_greetings_for_groups_come_first_and_in_groups_only() -> None:
    card = Character(name="Ada", first_mes="Hi.", group_only_greetings=("All of you!", " "))
    assert card.greetings("Ann") == ("Hi.",)
    assert card.greetings("Ann", in_group=True) == ("All of you!", "Hi.")


def test_null_in_a_list_of_texts_is_no_text() -> None:
    card = {"name": "Ada", "alternate_greetings": [None, "Hi.", None], "tags": [None]}
    character = Character.from_card(card)
    assert (character.alternate_greetings, character.tags) == (("Hi.",), ())
    assert card["alternate_greetings"] == [None, "Hi.", None]
