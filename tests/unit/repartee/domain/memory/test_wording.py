import pytest

from repartee.domain.memory.wording import (
    adds_nothing,
    is_copied,
    is_grounded,
    is_in_language_of,
    sentences_as_words,
    word_count,
    words_and_starts,
)


@pytest.mark.parametrize(
    ("new", "known", "expected"),
    [
        ("Maya drinks tea without sugar", "maya drinks tea without any sugar.", True),
        ("Maya likes the old table at home very much", "Maya likes the old tables at home very much", True),
        (
            "Maya hates the food at the corner place near work",
            "Maya loves the food at the corner place near work",
            False,
        ),
        ("Maya does not eat meat at home on work days", "Maya eat meat at home on work days", False),
        ("Maya has a big old grey cat at home", "Maya has a big old grey dog at home", False),
        ("Maya ran 5 marathons in the last year", "Maya ran 6 marathons in the last year", False),
    ],
)
def test_a_near_duplicate_has_nothing_of_its_own(new: str, known: str, expected: bool) -> None:
    assert adds_nothing(new, known) is expected


def test_four_words_of_one_sentence_are_a_copy() -> None:
    sources = sentences_as_words(["Greta keeps a lighthouse. She fears storms and gulls."])
    assert is_copied("Greta keeps a lighthouse", sources)
    assert not is_copied("Greta keeps gulls and storms", sources)
    assert not is_copied("a lighthouse", sources)
    assert is_copied("Greta keeps a lighthouse now", sources)
    assert not is_copied("Greta keeps a lighthouse now", sources, share=1.0)


@pytest.mark.parametrize(
    ("text", "expected"), [("Maya hates olives.", 3), ("猫が好きです", 3), ("Маша любит чай", 3), ("", 0)]
)
def test_words_are_counted_in_any_script(text: str, expected: int) -> None:
    assert word_count(text) == expected


@pytest.mark.parametrize(
    ("statement", "turn", "expected"),
    [
        ("Masha lives in Orel", "Я живу в Орле", False),
        ("Маша живёт в Орле", "Я живу в Орле", True),
        ("Maya lives in the south", "je vis dans le sud avec mon chat", False),
        ("Maya vit dans le sud", "je vis dans le sud avec mon chat", True),
        ("Maya lives in Porto with her cat", "Call me later from the port", True),
        ("Maya has 3 cats", "3", True),
    ],
)
def test_the_statement_is_in_the_users_language(statement: str, turn: str, expected: bool) -> None:
    assert is_in_language_of(statement, turn) is expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("Maya works at Google", False),
        ("Maya moved to Porto in 2019", False),
        ("Maya moved to Porto (2026-11-27)", True),
        ("Maya liked Porto", True),
        ("Маша живёт в Твери", True),
        ("Maya hat einen Beruf im Krankenhaus", True),
    ],
)
def test_names_and_long_numbers_must_have_been_said(statement: str, expected: bool) -> None:
    said = words_and_starts(["Maya", "i went to porto", "Тверь!"])
    assert is_grounded(statement, said) is expected
