import pytest
from hypothesis import given
from hypothesis import strategies as st

from repartee.presentation.cli.reply_writer import ReplyWriter, printable


def _written(
    text: str, *, width: int = 40, indent: int = 8, sizes: tuple[int, ...] = ()
) -> list[tuple[str, bool]]:
    parts: list[tuple[str, bool]] = []
    writer = ReplyWriter(lambda part, in_action: parts.append((part, in_action)), width, indent)
    start = 0
    for size in sizes:
        writer.feed(text[start : start + size])
        start += size
    writer.feed(text[start:])
    writer.finish()
    return parts


def _screen(text: str, **options: int) -> str:
    return "".join(part for part, _ in _written(text, **options))


def _actions(text: str) -> str:
    return "".join(part for part, in_action in _written(text, width=200) if in_action)


def test_words_are_wrapped_under_each_other() -> None:
    shown = _screen("one two three four five six seven", width=28, indent=8)
    assert shown == "one two three four\n        five six seven"


def test_a_word_that_is_too_long_gets_a_line_of_its_own() -> None:
    assert _screen("a " + "x" * 60 + " b", width=40) == "a\n        " + "x" * 60 + "\n        b"


def test_paragraphs_stay_apart_and_nothing_else_does() -> None:
    assert _screen("\n a\n\n\n  b \nc\n") == "a\n\n        b\n        c"


def test_the_last_word_waits_until_it_is_whole() -> None:
    parts: list[str] = []
    writer = ReplyWriter(lambda part, _: parts.append(part), 40, 0)
    writer.feed("good eve")
    assert "".join(parts) == "good"
    writer.feed("ning, Maya")
    assert "".join(parts) == "good evening,"
    writer.finish()
    assert "".join(parts) == "good evening, Maya"


def test_a_script_without_spaces_does_not_wait() -> None:
    parts: list[str] = []
    ReplyWriter(lambda part, _: parts.append(part), 40, 0).feed("こんばんは")
    assert "".join(parts) == "こんばんは"


def test_wide_characters_are_counted_as_wide() -> None:
    assert _screen("夜" * 12, width=21, indent=0) == "夜" * 10 + "\n" + "夜" * 2


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("*wipes the counter* Evening.", "*wipes the counter*"),
        ("Evening. *nods*", "*nods*"),
        ('"*sighs*" Right.', '"*sighs*"'),
        ("*grins,* then *winks.* No.", "*grins,**winks.*"),
        ("3 * 4 * 5", ""),
        ("**bold** words", ""),
        ("*never closed\nnext line", "*never closed"),
    ],
)
def test_actions_are_told_apart(text: str, action: str) -> None:
    assert _actions(text) == action


def test_a_terminal_is_not_told_what_to_do() -> None:
    assert printable("\x1b[2Jhi\x07\x9b1m\ttab\r\n") == "[2Jhi1m tab\n"


@given(st.text(), st.lists(st.integers(0, 10), max_size=10), st.integers(10, 100), st.integers(0, 30))
def test_no_word_is_lost_however_the_pieces_come(
    text: str, sizes: list[int], width: int, indent: int
) -> None:
    shown = "".join(part for part, _ in _written(text, width=width, indent=indent, sizes=tuple(sizes)))
    assert "".join(shown.split()) == "".join(printable(text).split())
