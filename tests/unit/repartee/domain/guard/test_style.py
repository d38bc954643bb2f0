import pytest

from repartee.domain.character import Style
from repartee.domain.guard import StyleViolation, check_style


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (7, [StyleViolation("too_short", 7, 8)]),
        (8, []),
        (25, []),
        (26, [StyleViolation("too_long", 26, 25)]),
    ],
)
def test_the_range_of_words_is_widened_by_a_quarter(words: int, expected: list[StyleViolation]) -> None:
    assert check_style("word " * words, Style(min_words=11, max_words=20)) == expected


def test_without_tolerance_the_range_is_exact() -> None:
    assert check_style("one two", Style(max_words=1), tolerance=0) == [StyleViolation("too_long", 2, 1)]


def test_two_characters_of_an_unspaced_script_are_a_word() -> None:
    assert check_style("今日は良い天気です", Style(max_words=4), tolerance=0) == [
        StyleViolation("too_long", 5, 4)
    ]


@pytest.mark.parametrize(
    ("text", "actions"),
    [("*waves* Hi! *smiles*", 2), ("Hi, 2*3 and f*ck", 0), ("* milk\n* bread", 0), ("**No**, go.", 1)],
)
def test_actions_break_a_style_without_them(text: str, actions: int) -> None:
    expected = [StyleViolation("actions", actions, 0)] if actions else []
    assert check_style(text, Style(actions="none")) == expected
    assert check_style(text, Style(actions="asterisks")) == []


@pytest.mark.parametrize(
    ("text", "language", "found", "expected"),
    [
        ("Hello there", "ru", "latin", "cyrillic"),
        ("Привет", "en", "cyrillic", "latin"),
        ("Привет", "en-US", "cyrillic", "latin"),
        ("Hello", "ja", "latin", "other"),
        ("こんにちは", "de", "other", "latin"),
    ],
)
def test_another_script_than_the_languages_is_a_violation(
    text: str, language: str, found: str, expected: str
) -> None:
    violations = check_style(text, Style(), language)
    assert [(one.rule, one.found, one.allowed) for one in violations] == [("language", found, expected)]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Привет, Anna!", "ru"),
        ("Hello", "en"),
        ("Hello", None),
        ("...", "ru"),
        ("Zdravo", "sr"),
        ("今日", "ja"),
    ],
)
def test_the_right_script_and_what_cannot_be_told_pass(text: str, language: str | None) -> None:
    assert check_style(text, Style(), language) == []
