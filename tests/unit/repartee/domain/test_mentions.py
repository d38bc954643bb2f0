import pytest
from hypothesis import given
from hypothesis import strategies as st

from repartee.domain.mentions import first_mentioned

EVERYBODY = (
    ("Blaze",),
    ("Вера",),
    ("Тимур",),
    ("竜太",),
    ("민지",),
    ("Anna Maria Lopez", "Lopi"),
    ("The Warden of Kettlewick",),
    ("Алёна",),
    ("Мария",),
    ("Андрей",),
    ("Игорь",),
    ("Юлия Снег",),
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("blaze, are you there?", "Blaze"),
        ("that was Blaze's idea", "Blaze"),
        ("BLAZE!", "Blaze"),
        ("спроси Веру", "Вера"),
        ("Вер, ты где?", "Вера"),
        ("пойдём с тимуром", "Тимур"),
        ("竜太さん、元気？", "竜太"),
        ("민지야 안녕", "민지"),
        ("good night anna", "Anna Maria Lopez"),
        ("lopi?", "Anna Maria Lopez"),
        ("fetch the warden", "The Warden of Kettlewick"),
        ("передай Алене", "Алёна"),
        ("я с Марией", "Мария"),
        ("Андрею скажи", "Андрей"),
        ("с Игорем", "Игорь"),
        ("Снегу привет", "Юлия Снег"),
        ("Warden, then Blaze", "The Warden of Kettlewick"),
    ],
)
def test_a_name_is_found_as_people_write_it(text: str, name: str) -> None:
    place = first_mentioned(text, EVERYBODY)
    assert place is not None
    assert EVERYBODY[place][0] == name


@pytest.mark.parametrize(
    "text", ["", "ablaze", "the end of it", "Blazer", "вероятно", "тимуровец", "annabel", "?!"]
)
def test_a_word_that_only_looks_alike_names_nobody(text: str) -> None:
    assert first_mentioned(text, EVERYBODY) is None


def test_a_name_with_its_capital_comes_before_a_common_word() -> None:
    assert first_mentioned("will you ask Juno?", [("Will",), ("Juno",)]) == 1
    assert first_mentioned("will, come here", [("Will",), ("Juno",)]) == 0


def test_a_word_that_two_names_share_is_nobodys() -> None:
    assert first_mentioned("hey smith", [("Ann Smith",), ("Bob Smith",)]) is None
    assert first_mentioned("hey bob smith", [("Ann Smith",), ("Bob Smith",)]) == 1


def test_of_two_names_at_one_place_the_longer_one_counts() -> None:
    assert first_mentioned("Anna Maria, hello", [("Anna",), ("Anna Maria",)]) == 1


@given(st.text(), st.lists(st.lists(st.text(), max_size=2), max_size=4))
def test_any_text_and_any_names_are_taken(text: str, everybody: list[list[str]]) -> None:
    assert first_mentioned(text, everybody) in {None, *range(len(everybody))}
