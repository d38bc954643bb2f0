import re

from hypothesis import given
from hypothesis import strategies as st

from repartee.domain.safety.phrases import Phrases

LISTS = st.dictionaries(
    st.sampled_from("XYZ"),
    st.lists(st.from_regex(r"[ab](?:[ab ]{0,3}[ab])?\|?", fullmatch=True), min_size=1, max_size=5),
    min_size=1,
)


def _one_by_one(lists: dict[str, list[str]], text: str) -> set[str]:
    """Return the names as a pattern for each phrase finds them."""
    return {
        name
        for name, phrases in lists.items()
        for phrase in phrases
        if re.search(r"\b" + re.escape(phrase.rstrip("|")) + (r"\b" if phrase.endswith("|") else ""), text)
    }


@given(LISTS, st.text("ab _.\n", max_size=12))
def test_all_phrases_are_found_as_one_by_one(lists: dict[str, list[str]], text: str) -> None:
    assert Phrases(lists).named_in(text) == _one_by_one(lists, text)


def test_a_phrase_inside_a_longer_one_names_both() -> None:
    phrases = Phrases({"short": ("end it",), "long": ("end it all",), "word": ("all|",)})
    assert phrases.named_in("to end it all.") == {"short", "long", "word"}
    assert phrases.named_in("bend it allow") == set()


@given(LISTS, st.text("abж _.", max_size=12))
def test_phrases_of_another_script_change_nothing_in_a_text_without_it(
    lists: dict[str, list[str]], text: str
) -> None:
    russian = {"ru": ["жа", "аж|"]}
    in_text = "ru" in Phrases(russian).named_in(text)
    both = Phrases({**lists, **russian}).named_in(text)
    assert both == Phrases(lists).named_in(text) | ({"ru"} if in_text else set())
    assert not (in_text and text.isascii())
