import pytest
from pydantic import ValidationError

from repartee.domain.lorebook import Lorebook, LoreState
from repartee.domain.lorebook.state import TimedEffect
from tests.unit.repartee.domain.lorebook.chats import book, entry, run


def history(lore: Lorebook, turns: list[tuple[int, str]]) -> list[str]:
    """Play turns, each the chat's length and its last message; return the first entry's reasons."""
    state, said = LoreState(), []
    for count, text in turns:
        result = run(
            lore, text, message_count=count, state=LoreState.model_validate_json(state.model_dump_json())
        )
        state = result.state
        said.append(result.trace[0].reason)
    return said


def test_a_sticky_entry_stays_for_so_many_messages() -> None:
    turns = [(1, "a"), (2, "x"), (3, "x"), (4, "x")]
    assert history(book(entry("a", sticky=3)), turns) == ["key", "sticky", "sticky", "no_match"]


def test_an_entry_that_cools_down_keeps_still() -> None:
    turns = [(1, "a"), (2, "a"), (3, "a"), (4, "a")]
    assert history(book(entry("a", cooldown=2)), turns) == ["key", "cooldown", "key", "cooldown"]


def test_a_cooldown_follows_the_sticky_time() -> None:
    turns = [(1, "a"), (2, "x"), (3, "a"), (4, "a"), (5, "a")]
    assert history(book(entry("a", sticky=2, cooldown=2)), turns) == [
        *("key", "sticky"),
        *("cooldown", "cooldown", "key"),
    ]


def test_a_delayed_entry_waits_for_the_chat_to_be_long_enough() -> None:
    assert history(book(entry("a", delay=3)), [(2, "a"), (3, "a")]) == ["delay", "key"]


def test_a_chat_that_is_wound_back_takes_its_effects_back() -> None:
    assert history(book(entry("a", sticky=5)), [(3, "a"), (3, "x"), (4, "x")]) == [
        "key",
        "no_match",
        "no_match",
    ]


def test_an_edited_entry_starts_anew() -> None:
    state = run(book(entry("a", sticky=5)), "a", message_count=1).state
    edited = book(entry("a", content="other", sticky=5))
    result = run(edited, "x", message_count=2, state=state)
    assert (result.trace[0].reason, result.state) == ("no_match", LoreState())


def test_effects_of_books_that_are_not_there_are_kept_until_they_end() -> None:
    state = run(book(entry("a", sticky=3)), "a", message_count=1).state
    elsewhere = book(name="other")
    assert run(elsewhere, "x", message_count=2, state=state).state == state
    assert run(elsewhere, "x", message_count=4, state=state).state == LoreState()


def test_sticky_entries_win_their_group_and_get_room_first() -> None:
    sticky = entry("a", group="g", sticky=9, content="one two three", insertion_order=1)
    other = entry("a", group="g", group_override=True)
    greedy = entry("x", content="one two three four five six seven", insertion_order=99)
    state = run(book(sticky), "a", message_count=1).state
    said = run(book(sticky, other, greedy), "a x", message_count=2, state=state, context_tokens=40).trace
    assert {line.entry: line.reason for line in said} == {
        "0": "sticky",
        "1": "lost_group",
        "2": "over_budget",
    }


@pytest.mark.parametrize(
    ("decorator", "expected"),
    [
        ("@@keep_activate_after_match", ["no_match", "key", "keeps_after_match", "keeps_after_match"]),
        ("@@dont_activate_after_match", ["no_match", "key", "matched_before", "matched_before"]),
    ],
)
def test_a_match_can_count_for_good(decorator: str, expected: list[str]) -> None:
    lore = book(entry("a", content=f"{decorator}\nlore"))
    assert history(lore, [(1, "x"), (2, "a"), (3, "a" if "dont" in decorator else "x"), (9, "x")]) == expected


def test_the_state_holds_entries_with_timed_effects_only_and_is_small() -> None:
    lore = book(*(entry("a") for _ in range(100)), entry("a", sticky=2, cooldown=3))
    written = run(lore, "a", message_count=4).state.model_dump_json(exclude_defaults=True)
    assert written.count('"kind"') == 2
    assert len(written) < 250


def test_a_state_of_anybody_is_bounded() -> None:
    effect = TimedEffect(kind="sticky", book="b", entry="e", digest="d", start=1)
    with pytest.raises(ValidationError, match="at most 20000"):
        LoreState(effects=(effect,) * 20_001)


def test_a_cooldown_after_a_sticky_time_stays_when_the_message_is_asked_for_again() -> None:
    turns = [(1, "a"), (3, "a"), (3, "a"), (2, "a"), (5, "a")]
    assert history(book(entry("a", sticky=2, cooldown=2)), turns) == ["key", *["cooldown"] * 3, "key"]
