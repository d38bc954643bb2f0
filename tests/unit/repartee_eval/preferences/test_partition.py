"""Train and evaluation have no dialogue, no character and no nearly equal conversation in common."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repartee_eval.errors import EvalError
from repartee_eval.preferences.example import Example, PromptTurn
from repartee_eval.preferences.partition import By, Partition, partitioned
from tests.unit.repartee_eval.preferences.examples import example

PLACES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 4), st.integers(0, 9)), min_size=2, max_size=40)
TALK = "the long talk number {0} about the {0}th lighthouse, its keeper {0} and the storm of {0} years ago"


def _example(at: int, dialogue: int, character: int, talk: int) -> Example:
    turn = PromptTurn(role="user", content=TALK.format(f"{talk * 7919:x}"))
    return example(at, prompt=(turn,), dialogue=f"d{dialogue}", character=f"c{character}")


def _in_common(parts: Partition, name: str) -> set[Any]:
    return {getattr(one, name) for one in parts.train} & {getattr(one, name) for one in parts.evaluation}


@settings(max_examples=60, deadline=None)
@given(PLACES, st.sampled_from(["character", "dialogue"]), st.integers(0, 3))
def test_nothing_leaks(places: list[tuple[int, int, int]], by: By, seed: int) -> None:
    examples = [_example(at, *place) for at, place in enumerate(places)]
    try:
        parts = partitioned(examples, by=by, share=0.3, seed=seed)
    except EvalError:
        return
    assert parts.train
    assert parts.evaluation
    assert len(parts.train) + len(parts.evaluation) == len(examples)
    assert not _in_common(parts, "dialogue")
    assert not _in_common(parts, "conversation")
    assert by == "dialogue" or not _in_common(parts, "character")
    assert partitioned(examples, by=by, share=0.3, seed=seed) == parts


def test_a_held_out_character_is_evaluated_on_only() -> None:
    examples = [example(at, character=f"c{at % 4}") for at in range(16)]
    parts = partitioned(examples, held_out=["c2"], share=0.01)
    assert {one.character for one in parts.evaluation} == {"c2"}


def test_more_data_moves_nothing_by_itself() -> None:
    examples = [example(at, character=f"c{at}") for at in range(60)]
    before = partitioned(examples[:40], share=0.3)
    after = partitioned(examples, share=0.3)
    assert set(map(id, before.train)) <= set(map(id, after.train))


def test_branches_of_an_edited_chat_stay_together() -> None:
    def turn(role: str, content: str) -> PromptTurn:
        return PromptTurn.model_validate({"role": role, "content": content})

    def branches(number: int) -> list[Example]:
        begun = (turn("user", TALK.format(number * 7919)), turn("assistant", f"Aye, {number * 104729}."))
        ways = [turn("user", f"{number * 31337 + way} other words. " * 40) for way in range(2)]
        first = example(number, prompt=begun[:1], chosen=begun[1].content, rejected=None)
        prompts = enumerate((*begun, way) for way in ways)
        return [first, *(example(number, prompt=p, dialogue=f"{number}-{way}") for way, p in prompts)]

    examples = [one for number in range(1, 9) for one in branches(number)]
    for seed in range(5):
        parts = partitioned(examples, by="dialogue", share=0.4, seed=seed)
        asked = [{one.prompt[0].content for one in side} for side in (parts.train, parts.evaluation)]
        assert not asked[0] & asked[1]


def test_one_character_alone_cannot_be_split_and_the_fix_is_named() -> None:
    examples = [example(at) for at in range(4)]
    with pytest.raises(EvalError, match="--split dialogue"):
        partitioned(examples)
    assert partitioned(examples, by="dialogue").evaluation


def test_groups_are_added_until_the_evaluation_has_enough() -> None:
    examples = [example(at, character=f"c{at}", rejected=None if at else "no") for at in range(8)]
    parts = partitioned(
        examples, share=0.01, enough=lambda part: any(one.rejected is not None for one in part)
    )
    assert any(one.rejected is not None for one in parts.evaluation) or parts.train[0].dialogue == "d0"
