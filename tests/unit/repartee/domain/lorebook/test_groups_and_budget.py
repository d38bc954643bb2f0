from collections import Counter

import pytest

from tests.unit.repartee.domain.lorebook.chats import book, entry, fired, reasons, run


def test_one_of_a_group_gets_in_chosen_by_weight_and_seed() -> None:
    lore = book(
        entry("a", group="g", group_weight=300), entry("a", group="g"), entry("a", group="g", group_weight=0)
    )
    wins = Counter(tuple(fired(lore, "a", seed=seed)) for seed in range(400))
    assert set(wins) == {("0",), ("1",)}
    assert 260 < wins["0",] < 340
    assert Counter(reasons(lore, "a").values()) == {"key": 1, "lost_group": 2}


def test_an_override_with_the_highest_order_wins_its_group() -> None:
    lore = book(
        entry("a", group="g", insertion_order=900),
        entry("a", group="g", group_override=True, insertion_order=1),
        entry("a", group="g", group_override=True, insertion_order=2),
    )
    assert {tuple(fired(lore, "a", seed=seed)) for seed in range(20)} == {("2",)}


def test_with_scoring_only_those_with_most_keys_stay() -> None:
    lore = book(
        entry("a", group="g", use_group_scoring=True),
        entry("a", "b", group="g", use_group_scoring=True),
        entry("a", group="g", selective=True, secondary_keys=["b", "c"], use_group_scoring=True),
    )
    assert {tuple(fired(lore, "a b c", seed=seed)) for seed in range(20)} == {("2",)}
    assert {tuple(fired(lore, "a c", seed=seed)) for seed in range(20)} == {("2",)}


@pytest.mark.parametrize("everywhere", [True, False])
def test_scoring_can_be_set_for_all(everywhere: bool) -> None:
    lore = book(entry("a", group="g"), entry("a", "b", group="g"))
    winners = {tuple(fired(lore, "a b", seed=seed, use_group_scoring=everywhere)) for seed in range(30)}
    assert winners == ({("1",)} if everywhere else {("0",), ("1",)})


def test_a_group_that_was_won_earlier_stays_won() -> None:
    lore = book(entry("a", content="b", group="g, h"), entry("b", group="h"), entry("b", group="other"))
    assert reasons(lore, "a") == {"0": "key", "1": "lost_group", "2": "key"}


def test_a_member_of_two_groups_has_to_win_both() -> None:
    lore = book(entry("a", group="g,h"), entry("a", group="h", group_override=True))
    assert fired(lore, "a") == ["1"]


def test_the_budget_goes_to_the_highest_order_and_ends_with_the_first_that_does_not_fit() -> None:
    lore = book(
        entry("a", content="one two three", insertion_order=3),
        entry("a", content="one two three four five six seven", insertion_order=2),
        entry("a", content="one", insertion_order=1),
    )
    result = run(lore, "a", context_tokens=40)
    assert [(line.entry, line.reason) for line in result.trace] == [
        ("0", "key"),
        ("1", "over_budget"),
        ("2", "over_budget"),
    ]
    assert (result.tokens, result.budget) == (3, 10)


@pytest.mark.parametrize(
    ("fields", "budget"),
    [({}, 1_000), ({"budget_percent": 50}, 2_000), ({"budget_cap": 300}, 300), ({"budget_percent": 0}, 1)],
)
def test_the_budget_is_a_share_of_the_context_with_a_cap(fields: dict[str, float], budget: int) -> None:
    assert run(book(), "a", **fields).budget == budget


def test_a_full_budget_ends_recursion() -> None:
    lore = book(
        entry("a", content="b"), entry("a", content="x " * 20, insertion_order=1), entry("b", content="c")
    )
    assert reasons(lore, "a", context_tokens=40) == {"0": "key", "1": "over_budget", "2": "no_match"}


def test_an_entry_that_ignores_the_budget_gets_in_after_it_is_full() -> None:
    lore = book(
        entry("a", content="x " * 20, insertion_order=2),
        entry("a", content="y " * 20, insertion_order=1, ignore_budget=True),
    )
    assert reasons(lore, "a", context_tokens=40) == {"0": "over_budget", "1": "key"}


def test_a_book_can_have_a_budget_of_its_own_that_low_priorities_lose() -> None:
    lore = book(
        entry("a", content="one two", priority=1, insertion_order=9),
        entry("a", content="one two", priority=5),
        entry("a", content="one", priority=0),
        token_budget=3,
    )
    assert reasons(lore, "a") == {"0": "over_book_budget", "1": "key", "2": "key"}


def test_what_ignores_a_full_context_makes_room_for_others_even_later() -> None:
    lore = book(
        entry("a", content="@@ignore_on_max_context\none two three four", insertion_order=999),
        entry("a", content="b one two"),
        entry("b", content="one two three four"),
    )
    assert reasons(lore, "a", context_tokens=40) == {"0": "over_budget", "1": "key", "2": "key"}
    assert reasons(lore, "a", context_tokens=80) == {"0": "key", "1": "key", "2": "key"}


def test_what_ignores_a_full_context_goes_without_ending_it_for_others() -> None:
    lore = book(
        entry("a", content="b"),
        entry("a", content="@@ignore_on_max_context\n" + "x " * 20),
        entry("b", content="late"),
    )
    assert reasons(lore, "a", context_tokens=40) == {"0": "key", "1": "over_budget", "2": "key"}
