from hypothesis import given
from hypothesis import strategies as st

from repartee.domain.turn_mode import folded


def test_letter_case_and_spacing_make_no_difference() -> None:
    assert folded(" Sit \n DOWN, Straße. ") == folded("sit down, STRASSE.")
    assert folded("Sit down") != folded("Sit down.")


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)
