import json

from hypothesis import given
from hypothesis import strategies as st

from repartee.presentation.ndjson import line_of, lines_in

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.dictionaries(_TEXTS, _TEXTS | st.integers() | st.none())), st.integers(1, 50))
def test_rows_survive_whatever_is_in_them_and_however_the_bytes_arrive(rows: list[dict], size: int) -> None:
    whole = b"".join(map(line_of, rows))
    chunks = [whole[start : start + size] for start in range(0, len(whole), size)]
    assert [json.loads(line) for line in lines_in(chunks)] == rows


def test_a_last_line_without_an_end_is_a_line() -> None:
    assert list(lines_in([b"a\nb", b"c"])) == [b"a", b"bc"]
