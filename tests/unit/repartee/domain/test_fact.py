import pytest
from hypothesis import given
from hypothesis import strategies as st

from repartee.domain.errors import InvalidInput
from repartee.domain.fact import TenantScope, fact_id, fact_key


@pytest.mark.parametrize(
    "user_id", ["maya", "a", "A9", "auth0|5f7", "ann@example.org", "x:y.z-1", "0" * 128, "_"]
)
def test_ordinary_ids_are_scopes(user_id: str) -> None:
    assert TenantScope(user_id).user_id == user_id


@pytest.mark.parametrize(
    "user_id",
    [
        "",
        " ",
        "*",
        "a b",
        "a\u200b",
        "м",
        "../x",
        "a/b",
        "a\n",
        ".",
        "..",
        "-",
        "0" * 129,
        "a\x00",
        "a%",
        "\ud800",
    ],
)
def test_ids_that_could_be_taken_for_another_are_refused(user_id: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        TenantScope(user_id)
    assert caught.value.field == "user_id"


def test_the_same_fact_of_the_same_user_always_has_the_same_id() -> None:
    ids = {fact_id(TenantScope("a"), fact_key("user", "", text)) for text in ("likes tea", " Likes  tea.")}
    assert len(ids) == 1


@pytest.mark.parametrize("text", ["Likes tea", "likes TEA!", "likes\u00a0tea...", "  likes   tea"])
def test_case_spaces_and_final_marks_make_no_other_fact(text: str) -> None:
    assert fact_key("user", "", text) == fact_key("user", "", "likes tea")


@pytest.mark.parametrize("text", ["likes tea?", "likes teas", "like stea", "likes 2 teas", "..."])
def test_any_other_word_makes_another_fact(text: str) -> None:
    assert fact_key("user", "", text) != fact_key("user", "", "likes tea")
    assert fact_key("user", "", text)[2]


@given(
    st.tuples(
        st.sampled_from(["a", "b", "a1"]), st.sampled_from(["user", "character"]), st.sampled_from("xyz")
    ),
    st.tuples(
        st.sampled_from(["a", "b", "a1"]), st.sampled_from(["user", "character"]), st.sampled_from("xyz")
    ),
)
def test_any_difference_gives_another_id(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    ids = [fact_id(TenantScope(user), (owner, "", text)) for user, owner, text in (one, other)]  # type: ignore[arg-type]
    assert (ids[0] == ids[1]) == (one == other)
