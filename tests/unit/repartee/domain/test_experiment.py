"""Shares, stickiness, ramps and independence of arms."""

import math
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repartee.domain.experiment import ArmShare, Experiment

IDS = [f"user-{number}" for number in range(20_000)]


def experiment(name: str = "opening", **shares: float) -> Experiment:
    return Experiment(name, tuple(ArmShare(*one) for one in shares.items()), next(iter(shares)))


def within_binomial_bounds(count: int, n: int, share: float) -> bool:
    """Five standard deviations: a right share fails once in two million times."""
    return abs(count - n * share) <= 5 * math.sqrt(n * share * (1 - share))


@pytest.mark.parametrize("name", ["opening", "tone", "b"])
@pytest.mark.parametrize("shares", [{"champion": 95, "canary": 5}, {"a": 60, "b": 30, "c": 9.5, "d": 0.5}])
def test_arms_get_their_shares(name: str, shares: dict[str, float]) -> None:
    drawn = [experiment(name, **shares).arm_of(id_) for id_ in IDS]
    for arm, share in shares.items():
        assert within_binomial_bounds(drawn.count(arm), len(IDS), share / 100)


def test_an_arm_without_a_share_gets_nobody_and_one_with_all_of_it_everybody() -> None:
    assert {experiment(champion=100, canary=0).arm_of(id_) for id_ in IDS} == {"champion"}


@pytest.mark.parametrize("ramp", [(5, 10, 25, 100), (0.5, 1, 50, 99)])
def test_a_growing_arm_keeps_the_users_it_had(ramp: tuple[float, ...]) -> None:
    held: set[str] = set()
    for share in ramp:
        drawing = experiment(champion=100 - share, canary=share)
        now = {id_ for id_ in IDS if drawing.arm_of(id_) == "canary"}
        assert held <= now
        held = now


def test_a_growing_arm_takes_users_and_gives_none_away_beside_other_arms() -> None:
    before, after = experiment(champion=90, a=5, b=5), experiment(champion=85, a=10, b=5)
    moved = [(before.arm_of(id_), after.arm_of(id_)) for id_ in IDS]
    assert not [one for one in moved if one[0] == "a" and one[1] != "a"]
    assert within_binomial_bounds(sum(one[1] == "b" for one in moved), len(IDS), 0.05)


def test_experiments_with_different_names_are_independent() -> None:
    one, other = (experiment(name, champion=70, canary=30) for name in ("opening", "tone"))
    both = sum(one.arm_of(id_) == other.arm_of(id_) == "canary" for id_ in IDS)
    assert within_binomial_bounds(both, len(IDS), 0.09)
    first = [id_ for id_ in IDS if one.arm_of(id_) == "canary"]
    assert within_binomial_bounds(sum(other.arm_of(id_) == "canary" for id_ in first), len(first), 0.3)


@given(st.text(min_size=1), st.text(min_size=1, max_size=64))
@settings(max_examples=200, deadline=None)
def test_a_user_stays_in_an_arm_whatever_the_order_of_the_file(user_id: str, name: str) -> None:
    arms = (ArmShare("a", 50), ArmShare("b", 30), ArmShare("c", 20))
    one = Experiment(name, arms, "a")
    assert one.arm_of(user_id) == one.arm_of(user_id) == Experiment(name, arms[::-1], "c").arm_of(user_id)


def test_another_process_draws_the_same() -> None:
    code = (
        "from repartee.domain.experiment import *;"
        "e = Experiment('opening', (ArmShare('champion', 50), ArmShare('canary', 50)), 'champion');"
        "print(*[e.arm_of(f'user-{n}') for n in range(64)])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    drawing = experiment(champion=50, canary=50)
    assert told.split() == [drawing.arm_of(id_) for id_ in IDS[:64]]


def test_the_draw_is_the_one_that_was_written_down() -> None:
    """A change of the hash would move every user of every running experiment."""
    drawing = experiment(champion=50, canary=50)
    assert "".join(drawing.arm_of(id_)[1] for id_ in IDS[:16]) == "ahhhhaaaahhaaaha"


def test_without_a_user_the_default_answers() -> None:
    assert experiment(champion=1, canary=99).arm_of(None) == "champion"


@pytest.mark.parametrize(
    ("shares", "default", "words"),
    [
        ((("a", 60.0), ("b", 30.0)), "a", "make 90 percent"),
        ((("a", 50.0), ("a", 50.0)), "a", "same name"),
        ((("a", 100.0),), "b", "none of the arms"),
        ((("a", 150.0), ("b", -50.0)), "a", "from 0 to 100"),
        ((("a", math.nan),), "a", "from 0 to 100"),
    ],
)
def test_what_is_no_experiment_is_refused(shares, default: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Experiment("x", tuple(ArmShare(*one) for one in shares), default)
