from typing import Any

import pytest

from repartee.domain.errors import InvalidInput
from repartee.domain.lorebook import LoreEntry, compiled, read_lorebook


def only(raw: dict[str, Any]) -> LoreEntry:
    (entry,) = read_lorebook({"entries": [raw]}).entries
    return entry


def test_a_v2_book_is_read() -> None:
    raw = {
        "name": " World ",
        "scan_depth": 4,
        "token_budget": 500,
        "recursive_scanning": False,
        "extensions": {},
        "entries": [
            {
                "keys": ["a", " b "],
                "content": "text",
                "enabled": True,
                "insertion_order": 3,
                "extensions": {},
                "name": "first",
                "priority": 7,
                "id": 12,
                "comment": "x",
                "case_sensitive": True,
                "selective": True,
                "secondary_keys": ["c"],
                "constant": True,
                "position": "after_char",
            }
        ],
    }
    book = read_lorebook(raw)
    assert (book.name, book.scan_depth, book.token_budget, book.recursive_scanning) == (
        "World",
        4,
        500,
        False,
    )
    assert book.entries[0] == LoreEntry(
        id="12",
        name="first",
        keys=("a", "b"),
        secondary_keys=("c",),
        content="text",
        constant=True,
        case_sensitive=True,
        order=3,
        priority=7,
        position="after_char",
    )


def test_a_lorebook_file_and_a_world_file_are_read() -> None:
    entries = [{"keys": ["a"], "id": "x1", "content": "c", "use_regex": True}]
    v3 = read_lorebook({"spec": "lorebook_v3", "data": {"name": "W", "entries": entries}})
    assert (v3.name, v3.entries[0].id, v3.entries[0].use_regex) == ("W", "x1", True)
    world = read_lorebook({"entries": {"0": _WORLD_ENTRY}}).entries[0]
    assert (world.keys, world.secondary_keys, world.logic, world.order) == (("k",), ("s",), "and_all", 55)
    assert (world.enabled, world.position, world.depth, world.role) == (False, "at_depth", 2, "user")
    assert (world.probability, world.delay_until_recursion, world.exclude_recursion) == (100, 1, True)
    assert (world.groups, world.group_override, world.group_weight, world.scan_depth) == (
        ("g", "h"),
        True,
        20,
        6,
    )
    assert (world.case_sensitive, world.whole_words, world.name, world.id) == (None, False, "memo", "4")


_WORLD_ENTRY = {
    "uid": 4,
    "key": ["k"],
    "keysecondary": ["s"],
    "comment": "memo",
    "content": "c",
    "constant": False,
    "selective": True,
    "selectiveLogic": 3,
    "order": 55,
    "position": 4,
    "disable": True,
    "depth": 2,
    "role": 1,
    "excludeRecursion": True,
    "preventRecursion": False,
    "delayUntilRecursion": True,
    "probability": 40,
    "useProbability": False,
    "group": "g, h",
    "groupOverride": True,
    "groupWeight": 20,
    "scanDepth": 6,
    "caseSensitive": None,
    "matchWholeWords": False,
    "useGroupScoring": None,
    "sticky": None,
    "vectorized": 1,
}


@pytest.mark.parametrize(
    ("number", "position"),
    [
        *enumerate(("before_char", "after_char", "note_top", "note_bottom", "at_depth")),
        (5, "before_examples"),
        (6, "after_examples"),
        (7, "after_char"),
        ("4", "at_depth"),
    ],
)
def test_sillytaverns_position_wins_over_the_plain_one(number: object, position: str) -> None:
    assert only({"position": "after_char", "extensions": {"position": number}}).position == position


@pytest.mark.parametrize(
    ("raw", "field", "value"),
    [
        ({"keys": None, "content": None, "enabled": None}, "enabled", True),
        ({"keys": "a, b,"}, "keys", ("a", "b")),
        ({"keys": ["a", "", None, 7, {}]}, "keys", ("a", "7")),
        ({"insertion_order": "12.5"}, "order", 12.5),
        ({"insertion_order": float("nan")}, "order", 100),
        ({"insertion_order": "soon"}, "order", 100),
        ({"extensions": {"probability": 400}}, "probability", 100),
        ({"extensions": {"depth": -5}}, "depth", 0),
        ({"extensions": {"depth": 1e300}}, "depth", 10_000),
        ({"extensions": {"sticky": True}}, "sticky", 1),
        ({"extensions": {"role": "assistant"}}, "role", "assistant"),
        ({"extensions": {"role": [1]}}, "role", "system"),
        ({"extensions": "none"}, "depth", 4),
        ({"constant": "true"}, "constant", True),
        ({"constant": "0"}, "constant", False),
        ({"selectiveLogic": 99}, "logic", "and_all"),
        ({"use_regex": True, "extensions": {"display_index": 0}}, "use_regex", False),
    ],
)
def test_what_is_written_oddly_is_read_as_it_is_meant(raw: dict[str, Any], field: str, value: object) -> None:
    assert getattr(only(raw), field) == value


def test_entries_of_one_id_are_told_apart_in_their_order() -> None:
    raw = {"entries": [{"id": 1}, {"id": "1#2"}, {"id": "1"}, {}, {"id": 3}]}
    assert [entry.id for entry in read_lorebook(raw).entries] == ["1", "1#2", "1#3", "3", "3#2"]


@pytest.mark.parametrize(
    ("raw", "field", "message"),
    [
        ([], "card.book", "card.book must be an object"),
        ({"entries": 5}, "card.book.entries", "card.book.entries must be a list or an object"),
        ({"entries": [{}, 5]}, "card.book.entries.1", "entry 1 must be an object"),
        ({"entries": [{}] * 5_001}, "card.book.entries", "a lorebook may have 5000 entries, not 5001"),
        ({"entries": [{"keys": ["k"] * 200}] * 251}, "card.book.entries", "may have 50000 keys, not 50200"),
        (
            {"entries": {"u": {"comment": "Dragons", "content": "x" * 65_537}}},
            "card.book.entries.u.content",
            "the lorebook entry 'Dragons': content: string should have at most 65536 characters",
        ),
        (
            {"entries": [{"keys": ["k", "k" * 1_025]}]},
            "card.book.entries.0.keys.1",
            "the lorebook entry '0': keys.1: string should have at most 1024 characters",
        ),
        ({"name": "n" * 1_025}, "card.book.name", "the lorebook: name: string should have at most 1024"),
    ],
)
def test_what_is_too_large_or_no_book_is_one_error_that_names_it(raw: Any, field: str, message: str) -> None:
    with pytest.raises(InvalidInput) as wrong:
        read_lorebook(raw, "card.book")
    assert wrong.value.field == field
    assert message in wrong.value.message
    assert "\n" not in wrong.value.message


def test_a_book_is_made_ready_once() -> None:
    raw = {"entries": [{"keys": ["a"], "content": "c"}]}
    assert compiled(read_lorebook(raw)) is compiled(read_lorebook(raw))
