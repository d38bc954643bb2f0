import pytest

from repartee.domain.lorebook import LoreBookOf
from repartee.domain.macros import MacroContext
from tests.unit.repartee.domain.lorebook.chats import book, entry, fired, reasons, run


def test_the_newest_messages_are_searched_as_far_as_scan_depth() -> None:
    lore = book(entry("sword"), entry("sword", scan_depth=3), entry("sword", scan_depth=0))
    assert fired(lore, "sword", "b", "c") == ["1"]
    assert fired(lore, "sword", "b", "c", scan_depth=3) == ["0", "1"]
    assert fired(book(entry("sword"), scan_depth=3), "sword", "b", "c") == ["0"]


@pytest.mark.parametrize(
    ("logic", "text", "expected"),
    [
        (0, "key a", True),
        (0, "key", False),
        (1, "key a b", False),
        (1, "key a", True),
        (1, "key", True),
        (2, "key a", False),
        (2, "key", True),
        (3, "key a b", True),
        (3, "key a", False),
    ],
)
def test_secondary_keys_agree_by_their_logic(logic: int, text: str, expected: bool) -> None:
    lore = book(entry("key", secondary_keys=["a", "b"], selective=True, selectiveLogic=logic))
    assert (fired(lore, text) == ["0"]) is expected
    assert reasons(lore, text)["0"] == ("key" if expected else "secondary_keys")


def test_secondary_keys_count_only_where_the_entry_is_selective() -> None:
    assert fired(book(entry("key", secondary_keys=["never"], selective=False)), "key") == ["0"]


def test_constant_entries_fire_and_disabled_or_keyless_ones_do_not() -> None:
    lore = book(entry(constant=True), entry(constant=True, enabled=False), entry())
    assert reasons(lore, "hi") == {"0": "constant", "1": "disabled", "2": "no_keys"}


def test_an_entry_leads_to_the_next_and_the_trace_counts_levels() -> None:
    lore = book(entry("a", content="b"), entry("b", content="c"), entry("c", content="a b c"))
    assert [(line.level, line.key) for line in run(lore, "a").trace] == [(0, "a"), (1, "b"), (2, "c")]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({}, {}, ["0", "1"]),
        ({"prevent_recursion": True}, {}, ["0"]),
        ({}, {"exclude_recursion": True}, ["0"]),
        ({}, {"delay_until_recursion": True}, ["0", "1"]),
        ({}, {"delay_until_recursion": 2}, ["0", "1"]),
        ({"delay_until_recursion": 1}, {}, []),
    ],
)
def test_recursion_flags(first: dict[str, object], second: dict[str, object], expected: list[str]) -> None:
    assert fired(book(entry("a", content="b", **first), entry("b", content="x", **second)), "a") == expected


def test_delayed_levels_open_one_after_the_other() -> None:
    lore = book(
        entry("start", content="x"),
        entry("start", delay_until_recursion=1, prevent_recursion=True),
        entry("start", delay_until_recursion=2, prevent_recursion=True),
        entry("start", delay_until_recursion=9, prevent_recursion=True),
    )
    assert [line.level for line in run(lore, "start").trace] == [0, 1, 2, 3]


def test_recursion_can_be_switched_off_for_all_and_for_one_book() -> None:
    first, second = entry("a", content="b"), entry("b", content="c")
    assert fired(book(first, second), "a", recursive=False) == ["0"]
    assert fired(book(first, second, recursive_scanning=False), "a") == ["0"]
    assert fired(book(first, second, recursive_scanning=True), "a", recursive=False) == ["0", "1"]


def test_recursion_has_steps_and_the_engine_its_own_limit() -> None:
    lore = book(*(entry(f"k{n}k", content=f"k{n + 1}k") for n in range(150)))
    assert len(fired(lore, "k0k", max_recursion_steps=3)) == 3
    assert run(lore, "k0k").scans == 100


def test_min_activations_look_further_back_but_not_at_what_was_added() -> None:
    lore = book(entry("old"), entry("older"), entry("oldest"))
    history = ("oldest", "older", "old", "x", "y")
    assert fired(lore, *history) == []
    assert fired(lore, *history, min_activations=2) == ["0", "1"]
    assert fired(lore, *history, min_activations=2, min_activations_depth=3) == ["0"]


def test_hidden_keys_lead_on_without_being_in_the_prompt_and_comments_do_not() -> None:
    lore = book(entry("a", content="{{hidden_key:b}}{{comment:c}}seen"), entry("b"), entry("c"))
    result = run(lore, "a")
    assert [line.fired for line in result.trace] == [True, True, False]
    assert result.at("before_char") == "seen\nlore"


def test_an_entry_without_text_fires_and_brings_nothing() -> None:
    result = run(book(entry("a", content="{{hidden_key:b}}\n"), entry("b", content="")), "a")
    assert [line.fired for line in result.trace] == [True, True]
    assert result.texts == ()


def test_macros_in_the_text_are_replaced_before_it_is_counted() -> None:
    result = run(book(entry("a", content="{{user}} is {{persona}}")), "a", macros=_persona("one two three"))
    assert (result.texts[0].text, result.tokens) == ("Ann is one two three", 5)


def _persona(text: str) -> MacroContext:
    return MacroContext(char="Blaze", user="Ann", persona=text)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("character_first", ["chat", "persona", "card", "all"]),
        ("global_first", ["chat", "persona", "all", "card"]),
        ("evenly", ["chat", "persona", "all", "card"]),
    ],
)
def test_books_are_tried_by_source_and_strategy(strategy: str, expected: list[str]) -> None:
    books = [
        LoreBookOf("global", book(entry("a", insertion_order=9), name="all")),
        LoreBookOf("character", book(entry("a", insertion_order=5), name="card")),
        LoreBookOf("persona", book(entry("a", insertion_order=1), name="persona")),
        LoreBookOf("chat", book(entry("a", insertion_order=1), name="chat")),
    ]
    assert [line.book for line in run(books, "a", strategy=strategy).trace] == expected


def test_books_of_one_name_are_told_apart() -> None:
    twice = [
        LoreBookOf("character", book(entry("a"), name="")),
        LoreBookOf("character", book(entry("a"), name="")),
    ]
    assert [line.book for line in run(twice, "a").trace] == ["character", "character (2)"]


def test_texts_are_placed_in_ascending_order_and_by_depth_and_role() -> None:
    lore = book(
        entry("a", content="late", insertion_order=200),
        entry("a", content="early", insertion_order=-1),
        entry("a", content="after", position=1),
        entry("a", content="near", position=4, depth=0, role=2),
        entry("a", content="far user", position=4, depth=4, role=1),
        entry("a", content="far", position=4, depth=4, insertion_order=50),
        entry("a", content="far too", position=4, depth=4, insertion_order=60),
    )
    result = run(lore, "a")
    assert (result.at("before_char"), result.at("after_char")) == ("early\nlate", "after")
    blocks = [(block.depth, block.role, block.text) for block in result.depth_blocks()]
    assert blocks == [(4, "system", "far\nfar too"), (4, "user", "far user"), (0, "assistant", "near")]


def test_probability_is_rolled_once_and_by_the_seed() -> None:
    lore = book(*(entry("a", probability=30) for _ in range(300)), entry("a", probability=0))
    results = {seed: fired(lore, "a", seed=seed) for seed in (1, 2)}
    assert results[1] == fired(lore, "a", seed=1) != results[2]
    assert all(60 < len(ids) < 120 and "300" not in ids for ids in results.values())
    assert len(fired(book(entry("a", probability=0, useProbability=False)), "a")) == 1


def test_a_failed_roll_is_not_tried_again_in_a_later_scan() -> None:
    lore = book(entry("a", content="b"), *(entry("a", probability=50, content="x") for _ in range(50)))
    lines = run(lore, "a").trace
    assert {line.reason for line in lines} == {"key", "probability"}
    assert {line.level for line in lines if line.fired} == {0}
