import pytest
from hypothesis import given
from hypothesis import strategies as st

from repartee.domain.control_tokens import JOINER, all_neutralised, neutralised, restored
from repartee.domain.guard.literals import SPECIAL_TOKENS

_TEXT = st.text(st.characters(exclude_characters=JOINER, exclude_categories=["Cs"]), max_size=40)
_MIXED = st.lists(st.one_of(_TEXT, st.sampled_from(SPECIAL_TOKENS)), max_size=8).map("".join)


@pytest.mark.parametrize(
    "token", [*SPECIAL_TOKENS, "<think>", "</think>", "[BOS]", "[gMASK]", "<|python_tag|>"]
)
def test_no_mark_that_ends_a_turn_stays_one(token: str) -> None:
    made = neutralised(f"a {token} b")
    assert token not in made
    assert made.replace(JOINER, "") == f"a {token} b"


@pytest.mark.parametrize(
    "text",
    [
        "a <| b",
        "<3",
        "x < y > z",
        "[INSTANT]",
        "[1]",
        "# A heading",
        "### Response time",
        "<b>bold</b>",
        "<|>",
    ],
)
def test_what_only_looks_like_one_stays_as_it_is(text: str) -> None:
    assert neutralised(text) is text or neutralised(text) == text


@given(_MIXED)
def test_it_can_be_undone_and_done_twice_it_is_done_once(text: str) -> None:
    made = neutralised(text)
    assert neutralised(made) == made
    assert restored(made) == text
    assert not any(token in made for token in SPECIAL_TOKENS)


@given(st.lists(_MIXED, max_size=5))
def test_many_texts_at_once_are_what_each_is_alone(texts: list[str]) -> None:
    assert [*all_neutralised(texts)] == [neutralised(text) for text in texts]


@pytest.mark.parametrize("token", ["<think>", "[INST]", "### Response:"])
def test_a_token_in_one_of_many_texts_is_found(token: str) -> None:
    assert [*all_neutralised(["a", token])] == ["a", neutralised(token)]


def test_no_mark_comes_about_between_two_texts() -> None:
    assert [*all_neutralised(["a <|im", "end|> b"])] == ["a <|im", "end|> b"]
