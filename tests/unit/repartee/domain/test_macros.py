import pytest
from hypothesis import given
from hypothesis import strategies as st

from repartee.domain.macros import expand_macros


@pytest.mark.parametrize("macro", ["{{user}}", "{{USER}}", "{{ user }}", "<USER>", "<user>"])
def test_every_spelling_of_the_user_macro_is_replaced(macro: str) -> None:
    assert expand_macros(f"hi {macro}!", char="C", user="U") == "hi U!"


@pytest.mark.parametrize("macro", ["{{char}}", "<BOT>", "<CHAR>", "{{Char}}"])
def test_every_spelling_of_the_character_macro_is_replaced(macro: str) -> None:
    assert expand_macros(macro, char="C", user="U") == "C"


def test_a_name_that_looks_like_a_macro_is_not_expanded_again() -> None:
    assert expand_macros("{{user}}", char="C", user="{{char}}{{user}}") == "{{char}}{{user}}"


@given(st.text())
def test_text_without_macros_is_untouched(text: str) -> None:
    plain = text.replace("{", "").replace("<", "")
    assert expand_macros(plain, char="C", user="U") == plain
