"""What holds for any book and any chat."""

import json
import os
import random
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repartee.domain.errors import InvalidInput
from repartee.domain.lorebook import Lorebook, LoreBookOf, LoreResult, LoreState, activate, read_lorebook
from repartee.domain.lorebook.haystack import Look, View
from repartee.domain.lorebook.shelf import Row, shelf_of
from tests.unit.repartee.domain.lorebook.chats import ask, book, entry, fired, run

WORDS = ("a", "b", "c", "дом", "竜", "/a|b/", "{{user}}", "x y", "lamp", "Lamplight")
CALM = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

sentences = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
decorators = st.sampled_from(
    ("", "@@ignore_on_max_context\n", "@@keep_activate_after_match\n", "@@depth 2\n", "@@exclude_keys c\n")
)
entries = st.fixed_dictionaries(
    {
        "keys": st.lists(st.sampled_from(WORDS), max_size=2),
        "content": st.builds("".join, st.tuples(decorators, sentences)),
        "insertion_order": st.integers(-3, 3),
        "constant": st.booleans(),
        "extensions": st.fixed_dictionaries(
            {},
            optional={
                "position": st.integers(0, 6),
                "probability": st.sampled_from((0, 50, 100)),
                "group": st.sampled_from(("g", "h", "g,h")),
                "group_override": st.booleans(),
                "use_group_scoring": st.booleans(),
                "sticky": st.integers(0, 3),
                "cooldown": st.integers(0, 3),
                "delay": st.integers(0, 3),
                "delay_until_recursion": st.integers(0, 2),
                "exclude_recursion": st.booleans(),
                "prevent_recursion": st.booleans(),
            },
        ),
    }
)
books = st.lists(entries, max_size=8).map(lambda listed: read_lorebook({"name": "w", "entries": listed}))
chats = st.lists(sentences, max_size=4)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "keys",
    "key",
    "content",
    "extensions",
    "insertion_order",
    "position",
    "group",
    "sticky",
    "id",
    "role",
)
arbitrary_entries = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), anything, max_size=6)


@CALM
@given(
    st.lists(arbitrary_entries | anything, max_size=4) | st.dictionaries(st.text(), arbitrary_entries), chats
)
def test_any_json_is_read_or_refused_with_a_name_and_never_breaks_an_evaluation(
    raw: Any, texts: list[str]
) -> None:
    refused = ""
    lore = None
    try:
        lore = read_lorebook({"entries": raw})
    except InvalidInput as wrong:
        refused = wrong.field
    assert refused.startswith("character_book") if lore is None else len(run(lore, *texts).trace) == len(raw)


@CALM
@given(books, chats, st.integers(0, 5), st.integers(0, 60), st.integers(0, 4))
def test_a_result_is_the_same_again_and_within_its_budget(
    lore: Lorebook, texts: list[str], seed: int, context: int, at_least: int
) -> None:
    request = ask(lore, *texts, seed=seed, context_tokens=context, min_activations=at_least)
    result = activate(request)
    assert activate(request) == result
    assert result.tokens < max(result.budget, 1)
    assert result.tokens == sum(line.tokens for line in result.trace)


@CALM
@given(books, chats, st.integers(0, 5), st.booleans(), st.booleans())
def test_entries_that_nothing_touches_end_as_if_each_had_been_looked_at(
    lore: Lorebook, texts: list[str], seed: int, case_sensitive: bool, recursive: bool
) -> None:
    fields = {"seed": seed, "case_sensitive": case_sensitive, "recursive": recursive, "min_activations": 2}
    state = run(lore, *texts, **fields).state
    texts = [*texts, "and then"]
    quick = run(lore, *texts, **fields, state=state)
    shelf_of.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Row, "beginnings", lambda _: None)
        assert run(lore, *texts, **fields, state=state) == quick
    shelf_of.cache_clear()


@CALM
@given(st.lists(sentences, max_size=3), st.lists(sentences, min_size=1, max_size=3), st.booleans())
def test_a_view_that_goes_on_is_the_one_that_is_made_anew(
    first: list[str], more: list[str], case_sensitive: bool
) -> None:
    look = Look(2, recursive=True, case_sensitive=case_sensitive, whole_words=True)
    before = View(first, look)
    extended = View(more, look, before) if before.text else View(more, look)
    anew = View(first + more, look)
    assert (extended.text, extended.exact_text, extended.cost) == (anew.text, anew.exact_text, anew.cost)
    assert extended.beginnings == anew.beginnings


@CALM
@given(books, chats, st.integers(0, 5))
def test_every_entry_has_one_line_and_every_text_one_fired_entry(
    lore: Lorebook, texts: list[str], seed: int
) -> None:
    result = run(lore, *texts, seed=seed)
    lines = [line.entry for line in result.trace]
    assert sorted(lines) == sorted(one.id for one in lore.entries)
    placed = [text.entry for text in result.texts]
    assert len(set(placed)) == len(placed)
    assert set(placed) == {line.entry for line in result.trace if line.fired and line.tokens}
    orders = [text.order for text in result.texts]
    assert orders == sorted(orders)
    assert not any(text.text.startswith("@@") for text in result.texts)


@CALM
@given(books, st.lists(st.tuples(sentences, st.integers(-1, 3)), max_size=5))
def test_states_come_back_from_json_as_they_were(lore: Lorebook, turns: list[tuple[str, int]]) -> None:
    state, count = LoreState(), 1
    for text, step in turns:
        count = max(count + step, 0)
        state = run(lore, text, state=state, message_count=count).state
        assert LoreState.model_validate_json(state.model_dump_json()) == state
        assert all(effect.start <= count or effect.follows for effect in state.effects)
        assert all(effect.end is None or effect.end > count for effect in state.effects)


@CALM
@given(books, chats, st.integers(0, 5))
def test_of_a_group_at_most_one_gets_in_where_nothing_is_sticky(
    lore: Lorebook, texts: list[str], seed: int
) -> None:
    result = run(lore, *texts, seed=seed)
    ids = {line.entry for line in result.trace if line.fired}
    groups = [name for one in lore.entries if one.id in ids for name in one.groups]
    assert len(groups) == len(set(groups))


def test_chance_is_the_same_in_every_process() -> None:
    code = (
        "from tests.unit.repartee.domain.lorebook.chats import *;import json;"
        "print(json.dumps(fired(book(*(entry('a', probability=50) for _ in range(40))), 'a')))"
    )
    lore = book(*(entry("a", probability=50) for _ in range(40)))
    for salt in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": salt, "PYTHONPATH": os.pathsep.join(sys.path)}
        told = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
        assert json.loads(told.stdout) == fired(lore, "a")


def test_the_order_of_books_of_one_source_does_not_decide_who_is_lucky() -> None:
    one = LoreBookOf("global", book(*(entry("a", probability=50) for _ in range(20)), name="one"))
    two = LoreBookOf("global", book(*(entry("a", probability=50) for _ in range(20)), name="two"))

    def lucky(result: LoreResult) -> set[tuple[str, str]]:
        return {(line.book, line.entry) for line in result.trace if line.fired}

    assert lucky(run([one, two], "a")) == lucky(run([two, one], "a"))


def test_a_thousand_entries_take_milliseconds() -> None:
    drawn = random.Random(1)
    vocabulary = ["".join(drawn.choices("abcdefghijklmnoprstu", k=drawn.randint(4, 9))) for _ in range(5_000)]
    lore = book(*(entry(*drawn.sample(vocabulary, 3), content="lore") for _ in range(1_000)))
    request = ask(lore, " ".join(drawn.sample(vocabulary, 300))[:2_000])
    activate(request)

    def seconds() -> float:
        began = time.process_time()
        activate(request)
        return time.process_time() - began

    assert min(seconds() for _ in range(10)) < 0.025
