from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from repartee.application.compose_prompt import ComposePrompt, PromptBudget
from repartee.application.given_story import story_of
from repartee.application.lore_report import MOST_LINES, lore_report
from repartee.application.ports import Prompt, PromptMessage, Turn
from repartee.application.prompt_notes import with_notes
from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.errors import InvalidInput
from repartee.domain.lorebook import LoreState
from repartee.domain.story import AuthorNote, DepthNote
from repartee.domain.user import User
from repartee.infrastructure.settings import shipped_folder
from repartee.integrations.mako_prompt_renderer import MakoPromptRenderer
from tests.serving import WordCounter


def _turn(
    *texts: str, books: tuple[dict[str, Any], ...] = (), note=None, seed=None, state=None, **card
) -> Turn:
    messages = tuple(
        Message(role="character" if place % 2 else "user", text=text) for place, text in enumerate(texts)
    )
    character = Character(**({"name": "Ada"} | card))
    story = story_of(character, books, state or LoreState(), note, seed)
    return Turn(character, User(id="ann", name="Ann"), None, messages, story=story)


def _prompt(turn: Turn, context_tokens: int = 4_000) -> Prompt:
    renderer = MakoPromptRenderer(shipped_folder("prompts"))
    return ComposePrompt(renderer, WordCounter(), PromptBudget(context_tokens, 100))(turn)


def _place_of(text: str, prompt: Prompt) -> list[int]:
    return [place for place, message in enumerate(prompt.messages) if text in message.content]


def _entry(content: str, **fields: Any) -> dict[str, Any]:
    return {"name": content, "keys": ["fog"], "content": content, **fields}


def _book(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"name": "world", "entries": list(entries)}


def test_what_a_key_brings_in_stands_in_the_tail_and_leaves_the_beginning_alone() -> None:
    book = _book(_entry("the Warden walks"))
    quiet, touched = _prompt(_turn("hi", books=(book,))), _prompt(_turn("the fog", books=(book,)))
    assert _place_of("the Warden walks", quiet) == []
    assert _place_of("the Warden walks", touched) == [2]
    assert touched.messages[0] == quiet.messages[0]


def test_a_constant_entry_stands_beside_the_character_and_names_are_put_in() -> None:
    before = _entry("{{char}} lives by the sea", constant=True)
    after = _entry("{{user}} may pass", constant=True, position="after_char")
    system = _prompt(_turn("hi", books=(_book(before, after),), description="A miller.")).messages[0].content
    assert system.index("Ada lives by the sea") < system.index("A miller.") < system.index("Ann may pass")


@pytest.mark.parametrize(
    "changing",
    [
        {"extensions": {"sticky": 2}},
        {"extensions": {"probability": 99.999}},
        {"extensions": {"delay": 1}},
        {"extensions": {"group": "weather"}},
        {"content": "@@activate_only_every 1\nit may rain"},
        {"content": "it may rain {{lastMessage}}"},
    ],
)
def test_a_constant_entry_that_may_change_stands_in_the_tail(changing: dict[str, Any]) -> None:
    entry = _entry("it may rain", constant=True) | changing
    prompt = _prompt(_turn("hi", books=(_book(entry),), seed=1))
    assert _place_of("it may rain", prompt) == [2]


def test_notes_stand_at_their_depth_and_share_a_message_where_depth_and_role_agree() -> None:
    deep = _entry("@@depth 1\nthe lamp is out", keys=["lamp"])
    card = {"extensions": {"depth_prompt": {"prompt": "{{char}} limps", "depth": 1, "role": "system"}}}
    note = AuthorNote(text="Slowly, {{user}}.", depth=3, role="user")
    prompt = _prompt(_turn("a", "b", "c", "a lamp", "e", books=(_book(deep),), note=note, **card))
    assert [(part.role, part.content) for part in prompt.messages[1:-1]] == [
        ("user", "a"),
        ("assistant", "b"),
        ("user", "Slowly, Ann."),
        ("user", "c"),
        ("assistant", "a lamp"),
        ("system", "the lamp is out\nAda limps"),
        ("user", "e"),
    ]


def test_the_mark_for_the_cache_stands_before_the_first_note() -> None:
    said = [PromptMessage("user", text) for text in ("one", "two", "three")]
    note = DepthNote("author_note", 2, "system", "note")
    assert [part.cache_until for part in with_notes(said, [note])] == [3, None, None, None]
    assert [part.cache_until for part in with_notes(said, [])] == [None, None, 5]
    assert [part.cache_until for part in with_notes(said, [replace(note, depth=9)])] == [None] * 4


def test_a_note_deeper_than_the_chat_stands_at_its_beginning() -> None:
    prompt = _prompt(_turn("a", "b", note=AuthorNote(text="far", depth=100)))
    assert [part.content for part in prompt.messages[1:-1]] == ["far", "a", "b"]


def test_the_authors_note_takes_lore_around_it_which_else_goes_to_the_tail() -> None:
    book = _book(
        _entry("above", extensions={"position": 2}),
        _entry("below", extensions={"position": 3}),
    )
    noted = _prompt(_turn("fog", books=(book,), note=AuthorNote(text="the note", depth=0)))
    assert noted.messages[2].content == "above\nthe note\nbelow"
    assert _place_of("above", _prompt(_turn("fog", books=(book,)))) == [2]


def test_lore_takes_no_more_than_its_share_and_keeps_what_has_priority() -> None:
    entries = [_entry(f"entry {number} " + "word " * 98, priority=number) for number in range(30)]
    prompt = _prompt(_turn("fog", books=(_book(*entries),)))
    assert prompt.lore is not None
    fired = {trace.name.split()[1] for trace in prompt.lore.trace if trace.fired}
    assert fired == {str(number) for number in range(21, 30)}
    assert prompt.sections["lore"] == 900


def test_lore_gives_way_where_the_character_has_no_room_beside_it() -> None:
    book = _book(_entry("lore " * 200))
    with_room = _prompt(_turn("fog", books=(book,), description="word " * 100), 1_400)
    without = _prompt(_turn("fog", books=(book,), description="word " * 900), 1_400)
    assert with_room.sections["lore"] == 200
    assert without.sections["lore"] == 0
    assert without.sections["character"] == 900


def test_the_sections_add_up_to_the_prompt() -> None:
    note = AuthorNote(text="one two three")
    prompt = _prompt(_turn("the fog", "b", books=(_book(_entry("four words of lore")),), note=note))
    assert (prompt.sections["history"], prompt.sections["lore"], prompt.sections["author_note"]) == (3, 4, 3)
    words = sum(len(part.content.split()) + 4 for part in prompt.messages)
    assert sum(prompt.sections.values()) == words


def test_chance_is_the_requests_seed_or_falls_anew_with_each_message() -> None:
    book = _book(_entry("it rains", constant=True, extensions={"probability": 50}))

    def rains(length: int, seed: int | None) -> bool:
        return bool(_place_of("it rains", _prompt(_turn(*["a"] * length, books=(book,), seed=seed))))

    unseeded = [rains(length, None) for length in range(1, 31)]
    assert unseeded == [rains(length, None) for length in range(1, 31)]
    assert len(set(unseeded)) == 2
    assert len({rains(length, 7) for length in range(1, 11)}) == 1


def test_the_report_holds_what_fired_then_what_nearly_did_and_is_capped() -> None:
    luckless = [_entry(f"no {number}", extensions={"probability": 0}) for number in range(60)]
    silent = _entry("silent", keys=["sun"])
    turn = _turn("fog", books=(_book(*luckless, silent, _entry("yes", extensions={"sticky": 3})),))
    report = lore_report(_prompt(turn))
    assert len(report.entries) == MOST_LINES
    assert [(line.name, line.fired, line.key) for line in report.entries[:1]] == [("yes", True, "fog")]
    assert {line.reason for line in report.entries[1:]} == {"probability"}


def test_an_entry_sticks_where_the_state_comes_back() -> None:
    turn = _turn("fog", "a", "b", books=(_book(_entry("yes", extensions={"sticky": 3})),))
    report = lore_report(_prompt(replace(turn, messages=turn.messages[:1])))
    assert _place_of("yes", _prompt(turn)) == []
    assert _place_of("yes", _prompt(replace(turn, story=replace(turn.story, state=report.state)))) == [4]


def test_an_entry_is_text_and_never_a_template() -> None:
    text = "${7*7} <% import os %> {{user}}"
    turn = _turn("fog", books=(_book(_entry(text)),))
    assert "${7*7} <% import os %> Ann" in _prompt(turn).messages[-1].content


def test_what_is_no_book_is_an_error_that_names_its_place() -> None:
    with pytest.raises(InvalidInput) as caught:
        _turn("hi", books=({}, {"entries": "none"}))
    assert caught.value.field == "lorebooks.1.entries"
    with pytest.raises(InvalidInput) as caught:
        _turn("hi", character_book={"entries": [7]})
    assert (caught.value.field or "").startswith("character.character_book")


@pytest.mark.parametrize(
    ("opening", "fires"),
    [
        ("Hello, Ann.", [0]),
        ("  hello,  ANN. ", [0]),
        ("Back again?", [2]),
        ("What the client made up", [0, 2]),
        (None, [0, 2]),
    ],
)
def test_an_entry_of_one_greeting_fires_where_the_chat_began_with_it(
    opening: str | None, fires: list[int]
) -> None:
    entries = [_entry(f"@@is_greeting {place}\nlore of greeting {place}", constant=True) for place in (0, 2)]
    turn = _turn(
        "hi",
        books=(_book(*entries),),
        first_mes="Hello, {{user}}.",
        alternate_greetings=(" ", "Back again?"),
    )
    if opening:
        turn = replace(turn, messages=(Message(role="character", text=opening), *turn.messages))
    prompt = _prompt(turn)
    assert [place for place in (0, 2) if _place_of(f"lore of greeting {place}", prompt)] == fires


def test_a_fired_entry_may_end_the_rules_and_only_while_it_fires() -> None:
    book = _book(_entry("@@disable_ui_prompt system_prompt\nthe Warden walks"))
    quiet, touched = (_prompt(_turn(said, books=(book,), description="A miller.")) for said in ("hi", "fog"))
    assert quiet.messages[0].content.startswith("# How to write\n- You are Ada")
    assert touched.messages[0].content.startswith("# Character: Ada\nA miller.")


def test_the_requests_time_is_what_macros_about_time_stand_for() -> None:
    now = datetime(2026, 11, 21, 15, 5, tzinfo=timezone(timedelta(hours=3)))
    turn = _turn("fog", books=(_book(_entry("{{weekday}}, {{isodate}}, {{time}}")),), description="{{time}}")
    told = _prompt(replace(turn, story=replace(turn.story, now=now)))
    assert _place_of("Saturday, 2026-11-21, 3:05 PM", told)
    assert "{{time}}" in told.messages[0].content  # the beginning must not change with the clock
    assert _place_of("{{weekday}}, {{isodate}}, {{time}}", _prompt(turn))
