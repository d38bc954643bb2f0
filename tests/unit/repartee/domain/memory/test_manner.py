import pytest

from repartee.domain.memory.manner import is_hypothetical, is_pretended, is_question, is_quoted, is_sarcastic
from repartee.domain.memory.subjects import is_of_another, is_user, names_subject
from repartee.domain.memory.turns import Passage, folded, passage_of


def _passage(turn: str, evidence: str) -> Passage:
    passage = passage_of(evidence, [(0, folded(turn))], first=0)
    assert passage is not None
    return passage


@pytest.mark.parametrize(
    ("turn", "evidence", "expected"),
    [
        ("Do I look tired?", "I look tired", True),
        ("I moved to Lyon, do you know it?", "I moved to Lyon", False),
        ("I moved to Lyon. Know it?", "I moved to Lyon", False),
        ("Я люблю чай?", "Я люблю чай", True),
    ],
)
def test_questions(turn: str, evidence: str, expected: bool) -> None:
    assert is_question(_passage(turn, evidence)) is expected


@pytest.mark.parametrize(
    ("turn", "evidence", "statement", "expected"),
    [
        ("If I had a dog I would run more", "I had a dog", "Maya had a dog", True),
        ("I wish I had a dog", "I wish I had a dog", "Maya wishes for a dog", False),
        ("If I eat nuts I get a rash", "If I eat nuts I get a rash", "Maya gets a rash from nuts", False),
        ("Если бы у меня был кот", "у меня был кот", "У Маши был кот", True),
    ],
)
def test_suppositions_are_told_from_wishes(turn: str, evidence: str, statement: str, expected: bool) -> None:
    assert is_hypothetical(_passage(turn, evidence), statement) is expected


@pytest.mark.parametrize(
    ("turn", "evidence", "expected"),
    [
        ('My boss said "I love work"', "I love work", True),
        ("Шеф сказал: «я люблю работу»", "я люблю работу", True),
        ('My dog is called "Pixel the Second"', "Pixel the Second", False),
        ('He said "hello" and I love work', "I love work", False),
    ],
)
def test_words_of_others_in_quotation_marks(turn: str, evidence: str, expected: bool) -> None:
    assert is_quoted(_passage(turn, evidence)) is expected


@pytest.mark.parametrize(
    ("turn", "evidence", "expected"),
    [
        ("Let's pretend. I am a king.", "I am a king", True),
        ("In our game I am a king", "I am a king", True),
        ("I smile and hand you the letter", "hand you the letter", True),
        ("Давай представим, что я король", "я король", True),
        ("I am a nurse. Let's pretend it is Sunday", "I am a nurse", False),
        ("I walk to work every day", "I walk to work", False),
        ("Я улыбаюсь", "Я улыбаюсь", True),
    ],
)
def test_parts_that_are_played(turn: str, evidence: str, expected: bool) -> None:
    assert is_pretended(_passage(turn, evidence)) is expected


@pytest.mark.parametrize(
    ("turn", "evidence", "expected"),
    [
        ("I adore Mondays /s", "I adore Mondays", True),
        ("Ага, конечно, я обожаю пробки", "я обожаю пробки", True),
        ("I adore Mondays", "I adore Mondays", False),
    ],
)
def test_marks_of_sarcasm(turn: str, evidence: str, expected: bool) -> None:
    assert is_sarcastic(_passage(turn, evidence)) is expected


@pytest.mark.parametrize(
    ("turn", "statement", "expected"),
    [
        ("My best friend Jack hates olives", "Maya hates olives", True),
        ("My best friend Jack hates olives", "Jack hates olives", False),
        ("My sister is a vet", "Maya's sister is a vet", False),
        ("My friend hates olives", "Maya hates olives", True),
        ("I hate soup, and my friend hates olives", "Maya hates soup", False),
        ("My sister and I love tea", "Maya loves tea", False),
        ("My favourite food is soup", "Maya loves soup", False),
        ("Моя сестра боится собак", "Маша боится собак", True),
        ("Мой начальник Пётр не пьёт", "Пётр, начальник Маши, не пьёт", False),
    ],
)
def test_what_is_said_of_another_stays_with_them(turn: str, statement: str, expected: bool) -> None:
    assert is_of_another(_passage(turn, turn), statement) is expected


def test_only_the_clause_of_the_evidence_counts() -> None:
    turn = "I hate soup, and my friend Jack hates olives, I think"
    assert is_of_another(_passage(turn, "hates olives"), "Maya hates olives")
    assert not is_of_another(_passage(turn, "I hate soup"), "Maya hates soup")


def test_subjects() -> None:
    assert all(is_user(subject, "Maya") for subject in ("user", "The user", "MAYA", ""))
    assert not is_user("Jack", "Maya")
    assert names_subject("У Игоря есть дача", "Игорь")
    assert not names_subject("He has a boat", "Jack")
