"""Windows: how dialogues are cut and who is compared with whom."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repartee.domain.scenario import Scenario
from repartee_eval.dialogues.dialogue import Dialogue
from repartee_eval.dialogues.windows import window_cases, windows_of
from repartee_eval.errors import EvalError
from tests.unit.repartee_eval.dialogues.talks import MARLOW, long_talk, talk


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 70), st.integers(2, 24), st.integers(1, 6))
def test_windows_do_not_overlap_and_end_with_an_answered_user(messages: int, size: int, focus: int) -> None:
    dialogue = long_talk("d", messages)
    windows = windows_of(dialogue, size, focus)
    places = [dialogue.messages.index(turn) for window in windows for turn in window.turns]
    assert all(after == before + 1 for before, after in pairwise(places))
    for window in windows:
        assert len(window.turns) <= size
        assert window.turns[-1].role == "character"
        assert window.turns[window.focus].role == "user"
        assert 1 <= len(window.judged) <= focus
    assert bool(windows) == (messages >= 3 and (size > 2 or messages > 4)) or size == 2


def test_the_last_five_turns_of_twenty_messages_are_judged() -> None:
    windows = windows_of(long_talk("d", 51))
    assert [len(window.turns) for window in windows] == [19, 20, 12]
    assert [len(window.judged) for window in windows] == [5, 5, 5]


def test_a_short_rest_is_no_window_and_a_short_dialogue_is_one() -> None:
    assert [len(window.turns) for window in windows_of(long_talk("d", 23))] == [19]
    assert [len(window.turns) for window in windows_of(long_talk("d", 4))] == [3]
    assert windows_of(long_talk("d", 1)) == ()


@st.composite
def sets(draw: st.DrawFn) -> list[Dialogue]:
    shape = draw(st.lists(st.tuples(st.integers(1, 60), st.sampled_from(["x", "y", None])), max_size=7))
    name = draw(st.sampled_from(["a", "b"]))
    return [long_talk(f"{name}{at}", size, scenario_id=scene) for at, (size, scene) in enumerate(shape)]


@settings(max_examples=60, deadline=None)
@given(sets(), sets(), st.integers(0, 50))
def test_each_dialogue_meets_one_other_and_each_window_is_used_once(
    a: list[Dialogue], b: list[Dialogue], seed: int
) -> None:
    found = window_cases(a, b, seed=seed)
    met = {(case.a.dialogue_id, case.b.dialogue_id) for case in found.cases}
    assert len({left for left, _ in met}) == len({right for _, right in met}) == len(met)
    assert {case.cluster for case in found.cases} == {f"{left}|{right}" for left, right in met}
    for side in ("a", "b"):
        judged = [getattr(case, side).reply_ids for case in found.cases]
        assert len(set(judged)) == len(judged)
    assert len({case.id for case in found.cases}) == len(found.cases)
    scene = (
        {each.id: each.scenario_id for each in (*a, *b)}
        if {d.id for d in a}.isdisjoint(d.id for d in b)
        else {}
    )
    assert all(scene[left] == scene[right] for left, right in met if scene)
    windows = sum(len(windows_of(each)) for each in a)
    assert found.unpaired_windows_a == windows - len(found.cases)


def test_the_seed_alone_decides_not_the_order_of_the_files() -> None:
    a = [long_talk(f"a{at}", 30) for at in range(9)]
    b = [long_talk(f"b{at}", 30) for at in range(4)]
    assert window_cases(a, b, seed=3) == window_cases(a[::-1], b[::-1], seed=3)
    clusters = [{case.cluster for case in window_cases(a, b, seed=seed).cases} for seed in (3, 4)]
    assert clusters[0] != clusters[1]


def test_long_dialogues_of_the_larger_set_are_not_chosen_more_often() -> None:
    a = [long_talk(f"a{at}", 60 if at % 2 else 12) for at in range(200)]
    b = [long_talk(f"b{at}", 12) for at in range(60)]
    chosen = {case.a.dialogue_id for case in window_cases(a, b).cases}
    long = sum(int(name[1:]) % 2 for name in chosen)
    assert len(chosen) == 60
    assert 18 <= long <= 42


def test_what_finds_no_partner_is_told() -> None:
    ferry = {"scenario_id": "ferry"}
    found = window_cases(
        [long_talk("a1", 10), long_talk("a2", 10, **ferry)], [long_talk("b1", 10), long_talk("b2", 10)]
    )
    assert (found.paired_dialogues, found.unpaired_dialogues_a, found.unpaired_dialogues_b) == (1, 1, 1)
    assert (found.scenes_of_a_only, found.scenes_of_b_only) == (("marlow / ferry",), ())


def test_scenes_without_an_id_are_told_apart_by_their_text() -> None:
    quay = {"scenario": Scenario(setting="A quay")}
    assert window_cases([long_talk("a", 10, **quay)], [long_talk("b", 10)]).cases == ()
    assert len(window_cases([long_talk("a", 10, **quay)], [long_talk("b", 10, **quay)]).cases) == 1


def test_a_side_says_whose_replies_are_judged() -> None:
    one = long_talk("a", 10, model="new")
    mixed = one.model_copy(
        update={
            "id": "b",
            "messages": tuple(
                turn.model_copy(update={"model": "old", "finish_reason": "length"}) if at == 8 else turn
                for at, turn in enumerate(one.messages)
            ),
        }
    )
    (case,) = window_cases([one], [mixed]).cases
    assert (case.a.model, case.b.model) == ("new", "mixed")
    assert (case.a.truncated, case.b.truncated) == (False, True)
    (unknown,) = window_cases([long_talk("a", 10, model=None)], [one]).cases
    assert unknown.a.model == "unknown"


def test_replies_that_branches_of_a_logged_chat_share_are_judged_once() -> None:
    first = talk("a", "Sit.", "Hello", "Tea?")
    replies = tuple(turn.model_copy(update={"id": f"rpl_{turn.id}"}) for turn in first.messages)
    branches = [first.model_copy(update={"id": name, "messages": replies}) for name in ("a", "a-branch")]
    found = window_cases(branches, [talk("b", "Sit.", "Yes", "No."), talk("c", "Sit.", "Oh", "Ah.")])
    assert len(found.cases) == 1


def test_a_changed_card_is_told() -> None:
    changed = MARLOW.model_copy(update={"description": "A baker."})
    assert window_cases([long_talk("a", 9)], [long_talk("b", 9, character=changed)]).changed_cards == (
        "marlow",
    )


@pytest.mark.parametrize(("size", "focus"), [(1, 1), (20, 0)])
def test_windows_that_cannot_be_are_refused(size: int, focus: int) -> None:
    with pytest.raises(EvalError, match="window"):
        window_cases([], [], size=size, focus=focus)


def test_dialogues_of_like_length_meet() -> None:
    a, b = ([long_talk(f"{name}{at}", 20 * at + 11) for at in range(6)] for name in "ab")
    assert window_cases(a, b).unpaired_windows_a == 0
