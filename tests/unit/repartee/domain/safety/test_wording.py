import re

from hypothesis import example, given
from hypothesis import strategies as st

from repartee.domain.safety.wording import plain

MARKS = str.maketrans({"’": "'", "‘": "'", "`": "'", "ё": "е", "“": '"', "”": '"', "„": '"'})
TEXTS = st.text(st.sampled_from("aЁé’‘`“”„\u200b\u00ad\ufeff \t\n\r\x1f\xa0\u2003\u3000İſ") | st.characters())


@example("a  b")
@example("a\u2003b `c`")
@given(TEXTS | st.text(st.characters(codec="ascii")))
def test_a_plain_text_is_what_a_look_at_each_character_gives(text: str) -> None:
    visible = re.sub(r"[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]", "", text)
    assert plain(text) == re.sub(r"[^\S\n]+", " ", visible.lower().translate(MARKS))
