"""Splits never leak, and deduplication drops what it should only."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repartee.domain.character import Character
from repartee_eval.dialogues.deduplication import deduplicated
from repartee_eval.dialogues.dialogue import Dialogue
from repartee_eval.dialogues.fingerprints import shingles
from repartee_eval.dialogues.near_duplicates import near_duplicate_groups
from repartee_eval.dialogues.splits import Part, Split, split
from repartee_eval.errors import EvalError
from tests.unit.repartee_eval.dialogues.talks import long_talk, talk

WORDS = [f"word{number}" for number in range(400)]


def worded(name: str, topic: int, changed: int, character: str) -> Dialogue:
    """Return a dialogue of 120 words about a topic, `changed` of which are its own."""
    words = [WORDS[(topic * 31 + place * 7) % 400] for place in range(120)]
    words[:changed] = [f"{name}-{place}" for place in range(changed)]
    card = Character(name=character)
    return talk(name, "Hello.", " ".join(words), "Yes.", character_id=character.lower(), character=card)


@st.composite
def collections(draw: st.DrawFn) -> list[Dialogue]:
    drawn = draw(
        st.lists(st.tuples(st.integers(0, 5), st.integers(0, 12), st.sampled_from("ABCDE")), max_size=14)
    )
    return [worded(f"d{at}", topic, changed, who) for at, (topic, changed, who) in enumerate(drawn)]


def part_of(found: Split) -> dict[str, str]:
    return {each.id: name for name in ("train", "validation", "test") for each in getattr(found, name)}


def likeness(one: Dialogue, other: Dialogue) -> float:
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def pairs(dialogues: Sequence[Dialogue]) -> list[tuple[Dialogue, Dialogue]]:
    return [(a, b) for place, a in enumerate(dialogues) for b in dialogues[place + 1 :]]


EVEN: Mapping[Part, float] = {"train": 0.4, "validation": 0.3, "test": 0.3}


@settings(max_examples=60, deadline=None)
@given(collections(), st.integers(0, 1_000))
def test_what_is_alike_is_on_one_side_and_everything_is_somewhere(
    dialogues: list[Dialogue], seed: int
) -> None:
    parts = part_of(split(dialogues, EVEN, seed=seed))
    assert sorted(parts) == sorted(each.id for each in dialogues)
    assert all(parts[a.id] == parts[b.id] for a, b in pairs(dialogues) if likeness(a, b) >= 0.8)


@settings(max_examples=60, deadline=None)
@given(collections(), st.integers(0, 1_000))
def test_by_character_no_character_is_on_two_sides(dialogues: list[Dialogue], seed: int) -> None:
    parts = part_of(split(dialogues, EVEN, by="character", seed=seed))
    same = [(a, b) for a, b in pairs(dialogues) if a.character_id == b.character_id or likeness(a, b) >= 0.8]
    assert all(parts[a.id] == parts[b.id] for a, b in same)


@settings(max_examples=60, deadline=None)
@given(collections(), collections(), st.sampled_from(["dialogue", "character"]))
def test_what_was_tested_on_is_never_trained_on_when_data_is_added(
    before: list[Dialogue], added: list[Dialogue], by: str
) -> None:
    more = [each.model_copy(update={"id": f"new-{each.id}"}) for each in added]
    rule = {"train": 0, "validation": 1, "test": 2}
    first = part_of(split(before, EVEN, by=by))  # type: ignore[arg-type]  # a literal, drawn
    then = part_of(split([*more, *before], EVEN, by=by))  # type: ignore[arg-type]
    assert all(rule[then[name]] >= rule[part] for name, part in first.items())


@settings(max_examples=40, deadline=None)
@given(collections(), st.sampled_from(["dialogue", "character"]))
def test_locked_characters_and_golden_dialogues_are_only_tested_on(
    dialogues: list[Dialogue], by: str
) -> None:
    marked = [each.model_copy(update={"golden": each.id == "d1"}) for each in dialogues]
    found = split(marked, EVEN, by=by, held_out=["a", "B"])  # type: ignore[arg-type]
    left = (*found.train, *found.validation)
    assert not [each for each in left if each.golden or each.character_id in {"a", "b"}]


def test_a_lock_by_name_holds_for_another_id_and_an_unknown_one_is_told() -> None:
    found = split(
        [worded("d", 1, 0, "Wren").model_copy(update={"character_id": "bird"})], held_out=["WREN", "zoe"]
    )
    assert (len(found.test), found.unseen) == (1, ("zoe",))


def test_shares_are_kept_on_average() -> None:
    found = split([long_talk(f"chat-{number}", 4) for number in range(1_000)])
    assert 760 <= len(found.train) <= 840
    assert 70 <= len(found.test) <= 130


def test_another_seed_splits_otherwise_and_the_same_one_alike() -> None:
    dialogues = [long_talk(f"chat-{number}", 4) for number in range(50)]
    assert split(dialogues, seed=1) == split(dialogues, seed=1)
    assert split(dialogues, seed=1) != split(dialogues, seed=2)


def test_shares_that_do_not_make_one_are_refused() -> None:
    with pytest.raises(EvalError, match="shares"):
        split([], {"train": 0.9, "test": 0.2})


@settings(max_examples=60, deadline=None)
@given(collections())
def test_near_duplicate_groups_are_those_of_comparing_all_pairs(dialogues: list[Dialogue]) -> None:
    groups = near_duplicate_groups(dialogues, 0.8)
    alike = [
        (a, b) for a in range(len(groups)) for b in range(a) if likeness(dialogues[a], dialogues[b]) >= 0.8
    ]
    label = list(range(len(groups)))
    for a, b in alike:
        label = [label[b] if each == label[a] else each for each in label]
    same = [(groups[a] == groups[b], label[a] == label[b]) for a in range(len(label)) for b in range(a)]
    assert all(found == wanted for found, wanted in same)


def test_copies_that_differ_in_spacing_and_case_are_one() -> None:
    first, copy = talk("a", "Sit.", "Hello  there", "Tea?"), talk("b", "sit.", "hello\nthere", "TEA?")
    found = deduplicated([first, copy, talk("c", "Sit.", "Hello there", "Coffee?")])
    assert [each.id for each in found.dialogues] == ["a", "c"]
    assert found.dropped == (("b", "a"),)


def test_the_start_of_a_dialogue_that_went_on_is_dropped() -> None:
    found = deduplicated([talk("a", "Sit.", "Hello"), talk("b", "Sit.", "Hello", "Tea?")])
    assert [each.id for each in found.dialogues] == ["b"]


def test_the_same_words_to_another_character_are_another_dialogue() -> None:
    other = talk("b", "Sit.", "Hello", character_id="wren")
    assert len(deduplicated([talk("a", "Sit.", "Hello"), other]).dialogues) == 2


def test_near_duplicates_are_dropped_only_where_asked_for() -> None:
    dialogues = [worded("a", 1, 2, "A"), worded("b", 1, 3, "A"), worded("c", 4, 0, "A")]
    assert len(deduplicated(dialogues).dialogues) == 3
    assert [each.id for each in deduplicated(dialogues, near=0.8).dialogues] == ["a", "c"]
