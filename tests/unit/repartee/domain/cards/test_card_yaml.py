import pytest

from repartee.domain.cards import limits
from repartee.domain.cards.card_yaml import read_yaml, write_yaml
from repartee.domain.cards.limits import CardError


def test_a_card_written_by_hand_is_read_as_json_would_be() -> None:
    text = b"""
# a comment
name: Ada
answer: yes
time: 1:30
born: 1901-02-03
age: 60
share: 0.5
octal: 010
1: one
nothing:
empty: ~
on: true
tags: [a, "1", 2]
first_mes: |
  Hello.

    Sit down.
"""
    assert read_yaml(text) == {
        "name": "Ada",
        "answer": "yes",
        "time": "1:30",
        "born": "1901-02-03",
        "age": 60,
        "share": 0.5,
        "octal": "010",
        "1": "one",
        "nothing": None,
        "empty": None,
        "on": True,
        "tags": ["a", "1", 2],
        "first_mes": "Hello.\n\n  Sit down.\n",
    }


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a: &x [1]\nb: *x", "anchors and aliases"),
        (b"a: &x 1", "anchors and aliases"),
        (b"a: *x", "anchors and aliases"),
        (b"name: !!python/object/apply:os.system [ls]", "tags"),
        (b"name: !!binary aGk=", "tags"),
        (b"name: a\nname: b", "same key twice"),
        (b"[1]: 2", "key must be a text"),
        (b"name: a\n---\nname: b", "several documents"),
        (b"- 1", "must hold an object"),
        (b"", "must hold an object"),
        (b"name: [", "is not YAML: line"),
        (b"name: \x01", "is not YAML"),
        (b"a: " + b"[" * 1_000, "nested deeper"),
        (b"".join(b" " * level + b"k:\n" for level in range(200)), "nested deeper"),
        (b"x: 1e999", "too large"),
        (b"x: " + b"9" * 5_000, "too long"),
        (b'x: "\\uD800"', "YAML"),
        (b"x: \xff", "UTF-8"),
    ],
)
def test_what_is_no_plain_data_is_one_error(data: bytes, words: str) -> None:
    with pytest.raises(CardError, match=words) as caught:
        read_yaml(data)
    assert "\n" not in caught.value.message


def test_size_and_number_of_values_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CardError, match="larger than 2 MiB"):
        read_yaml(b"#" * (limits.YAML_BYTES + 1))
    monkeypatch.setattr(limits, "VALUES", 5)
    with pytest.raises(CardError, match="more than 5 values"):
        read_yaml(b"a: [1, 2, 3, 4, 5, 6]")
    monkeypatch.setattr(limits, "YAML_BYTES", 20)
    with pytest.raises(CardError, match="would be larger"):
        write_yaml({"name": "x" * 30})


@pytest.mark.parametrize("end", ["\r", "\x85", "\u2028", "\u2029", "\ufeff"])
def test_marks_that_yaml_takes_for_line_ends_survive(end: str) -> None:
    card = {"x": f"a{end}\nb", "y": f"{end}\n", end: end}
    assert read_yaml(write_yaml(card)) == card


def test_long_texts_are_blocks_and_texts_that_look_like_values_are_quoted() -> None:
    text = write_yaml({"first_mes": "Hi.\nПривет 😀", "a b": "yes", "n": "1"}).decode()
    assert text == 'first_mes: |-\n  Hi.\n  Привет 😀\n"a b": "yes"\nn: "1"\n'
