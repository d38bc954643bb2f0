import pytest
from hypothesis import given
from hypothesis import strategies as st

from repartee.application.reply_opening import ContinuedOpening, FreshOpening, continuation


@pytest.mark.parametrize(
    ("before", "text", "left"),
    [
        ("She opens the old door", "opens the  old door and walks in.", "and walks in."),
        ("She opens the old door", "She OPENS the old door and walks in.", "and walks in."),
        ("She opens the old door", "and walks in.", "and walks in."),
        ("It was that", "that one, I think.", "that one, I think."),
        ("Rehearsal ran long again", "hearsal ran long again, he said", "hearsal ran long again, he said"),
        ("She opens the old door", "She opens the old door", ""),
    ],
)
def test_a_continuation_repeats_nothing(before: str, text: str, left: str) -> None:
    assert continuation(before, text) == left


@given(st.text(alphabet="ab \n", max_size=30), st.lists(st.text(alphabet="ab \n", max_size=6), max_size=8))
def test_pieces_make_no_difference_to_a_continuation(before: str, pieces: list[str]) -> None:
    opening = ContinuedOpening(before)
    shown = "".join(map(opening.feed, pieces)) + opening.close()
    assert shown.strip() == continuation(before, "".join(pieces)).strip()


def test_an_alternative_given_again_is_never_shown_in_part() -> None:
    opening = FreshOpening(("Sit down, Ann.",))
    assert [opening.feed(piece) for piece in ("sit ", "DOWN,  ", "Ann.")] == ["", "", ""]
    assert (opening.close(), opening.stale) == ("sit DOWN,  Ann.", True)


def test_a_text_that_turns_out_different_is_shown_from_there_on() -> None:
    opening = FreshOpening(("Sit down, Ann.",))
    assert [opening.feed(piece) for piece in ("Sit ", "here", ".")] == ["", "Sit here", "."]
    assert (opening.close(), opening.stale) == ("", False)


def test_the_beginning_of_an_alternative_is_another_reply() -> None:
    opening = FreshOpening(("Sit down, Ann.",))
    assert (opening.feed("Sit down,"), opening.close(), opening.stale) == ("", "Sit down,", False)


def test_what_another_reply_has_said_meanwhile_is_an_alternative_too() -> None:
    given: set[str] = set()
    opening = FreshOpening((), given)
    given.add("sit down.")
    assert [opening.feed("Sit "), opening.feed("down.")] == ["", ""]
    assert (opening.close(), opening.stale) == ("Sit down.", True)
