import json
import tracemalloc

import pytest

from repartee.domain.cards import limits
from repartee.domain.cards.card_json import read_json, write_json
from repartee.domain.cards.limits import CardError


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"name": "a", "name": "b"}', "same key twice"),
        (b'{"data": {"x": [{"k": 1, "k": 1}]}}', "same key twice"),
        (b'{"x": NaN}', "NaN"),
        (b'{"x": -Infinity}', "Infinity"),
        (b'{"x": 1e999}', "too large"),
        (b'{"x": ' + b"9" * 5_000 + b"}", "too long"),
        (b'{"x": "\\ud800"}', "lone surrogate"),
        (b'{"\\udfff": 1}', "lone surrogate"),
        (b'{"x": "\xff"}', "UTF-8"),
        (b'{"x": "\xed\xa0\x80"}', "UTF-8"),
        (b'{"x":', "line 1, column 6"),
        (b"", "line 1, column 1"),
        (b"[1]", "must hold an object"),
        (b'"x"', "must hold an object"),
        (b'{"x":' * 65 + b"1" + b"}" * 65, "nested deeper than 64"),
        (b'{"x":' * 100_000, "nested deeper than 64"),
        (b"[" * 400_000, "nested deeper than 64"),
        (b"rcc||rccv1||abcd", "RisuAI"),
    ],
)
def test_what_readers_disagree_about_is_one_error(data: bytes, words: str) -> None:
    with pytest.raises(CardError, match=words) as caught:
        read_json(data, "card.json")
    assert caught.value.message.startswith("card.json: ")
    assert "\n" not in caught.value.message


def test_size_and_number_of_values_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CardError, match="larger than 8 MiB"):
        read_json(b" " * (limits.JSON_BYTES + 1), "JSON")
    monkeypatch.setattr(limits, "VALUES", 10)
    with pytest.raises(CardError, match="more than 10 values"):
        read_json(b'{"x": [1,2,3,4,5,6,7,8,9,0]}', "JSON")
    with pytest.raises(CardError, match="more than 10 values"):
        read_json(b'{"x": [[],[],[],[],[],[],[],[],[],', "JSON")


def test_errors_do_not_quote_the_card() -> None:
    for data in (b'{"secret": 1, "secret": 2}', b'{"secret": NaN}', b'{"secret" "secret"}'):
        with pytest.raises(CardError) as caught:
            read_json(data, "JSON")
        assert "secret" not in caught.value.message


def test_a_byte_order_mark_is_skipped() -> None:
    assert read_json(b'\xef\xbb\xbf{"name": "Ada"}', "JSON") == {"name": "Ada"}


def test_what_is_written_keeps_numbers_texts_and_order() -> None:
    card = {"z": 1, "a": 1.0, "m": [-0.0, 10**30, 1e-300, True, None], "т": "\u2028\x01\U0001f600"}
    assert json.dumps(read_json(write_json(card), "JSON")) == json.dumps(card)
    assert "т" in write_json(card).decode()


def test_a_card_too_large_to_be_read_back_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "JSON_BYTES", 50)
    with pytest.raises(CardError, match="would be larger"):
        write_json({"name": "x" * 60})


def test_millions_of_values_are_refused_before_they_take_memory() -> None:
    data = b'{"name": "Ada", "x": [' + b"0," * 3_000_000 + b"0]}"
    tracemalloc.start()
    try:
        with pytest.raises(CardError, match="more than 500000 values"):
            read_json(data, "JSON")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
