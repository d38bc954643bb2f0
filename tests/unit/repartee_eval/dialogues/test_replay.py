"""Replay: which replies are written again, and what the comparison holds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repartee.domain.dialogue import Message
from repartee_eval.cases import Side
from repartee_eval.dialogues.dialogue import Dialogue, Turn
from repartee_eval.dialogues.replay import replay_cases, replayable
from repartee_eval.errors import EvalError
from tests.unit.repartee_eval.dialogues.talks import MARLOW, long_talk, talk


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(["user", "character"]), max_size=20), st.integers(1, 4), st.integers(0, 9))
def test_only_replies_to_a_user_are_taken_and_each_once(roles: list[str], per_depth: int, seed: int) -> None:
    turns = [Turn(id=str(at), role=role, text=f"{at}") for at, role in enumerate(roles)]
    dialogue = Dialogue(id="d", character_id="m", character=MARLOW, messages=tuple(turns))
    slots = replay_cases([dialogue], per_depth=per_depth, seed=seed)
    for slot in slots:
        assert roles[slot.index] == "character"
        assert slot.history[-1].role == "user"
        assert len(slot.history) == slot.index
    assert len({slot.index for slot in slots}) == len(slots)
    order = [("beginning", "middle", "end").index(slot.depth) for slot in slots]
    assert order == sorted(order)
    assert bool(slots) == bool(replayable(dialogue))


@pytest.mark.parametrize(
    ("replies", "depths"),
    [
        (1, ["beginning"]),
        (2, ["beginning", "end"]),
        (3, ["beginning", "middle", "end"]),
        (9, ["beginning", "middle", "end"]),
    ],
)
def test_depths_are_thirds(replies: int, depths: list[str]) -> None:
    assert [slot.depth for slot in replay_cases([long_talk("d", 1 + 2 * replies)])] == depths


def test_only_the_depths_asked_for() -> None:
    assert [slot.depth for slot in replay_cases([long_talk("d", 21)], ["end"], per_depth=2)] == ["end", "end"]
    with pytest.raises(EvalError, match="depth"):
        replay_cases([], [])


def test_a_case_compares_the_candidate_with_the_log_or_a_baseline() -> None:
    slot = replay_cases([talk("d", "Sit.", "Hello", "Tea?", model="old")])[0]
    candidate = Side(model="new", messages=(Message(role="character", text="Coffee?"),))
    case = slot.case(candidate)
    assert (case.a.model, case.a.messages[0].text, case.a.reply_ids) == ("old", "Tea?", ("d.2",))
    assert (case.b, case.kind, case.cluster, case.depth) == (candidate, "reply", "d", "beginning")
    assert [message.text for message in case.shared] == ["Sit.", "Hello"]
    assert slot.case(candidate, candidate).a == candidate


def test_a_case_has_the_same_id_for_the_same_question_only() -> None:
    slot = replay_cases([talk("d", "Sit.", "Hello", "Tea?")])[0]
    sides = [Side(model="new", messages=(Message(role="character", text=text),)) for text in ("A", "A", "B")]
    first, same, other = (slot.case(side).id for side in sides)
    assert first == same != other


def test_a_reply_that_branches_share_is_replayed_once() -> None:
    shared = talk("d", "Sit.", "Hello", "Tea?")
    turns = tuple(turn.model_copy(update={"id": f"rpl_{turn.id}"}) for turn in shared.messages)
    branches = [shared.model_copy(update={"id": name, "messages": turns}) for name in ("d", "e")]
    assert len(replay_cases(branches)) == 1


def test_a_third_of_the_replies_is_a_beginning() -> None:
    slots = replay_cases([long_talk("d", 19)], per_depth=9)
    depths = [slot.depth for slot in slots]
    assert [depths.count(depth) for depth in ("beginning", "middle", "end")] == [3, 3, 3]
