"""When a run that looks early is over, and what it may say then."""

import random

import pytest

from repartee_eval.analysis import analyse
from repartee_eval.comparison import _drawn, anytime_analysis, settled
from repartee_eval.policy import Policy
from repartee_eval.verdict_rows import Verdict, VerdictRow

POLICY = Policy(format="repartee.policy/1", criteria=("c",), minimum_items=30, minimum_clusters=10)


def _rows(count: int, p: float, seed: int = 0, per_cluster: int = 1) -> list[VerdictRow]:
    draw = random.Random(seed)
    found = []
    for number in range(count):
        verdict: Verdict = "b" if draw.random() < p else "a"
        cluster = f"d{number // per_cluster}"
        found += [
            VerdictRow(f"i{number}", cluster, "c", "old", "new", first, verdict, judge="j")
            for first in ("a", "b")
        ]  # fmt: skip
    return found


def test_a_clear_winner_settles():
    assert settled(_rows(60, 1.0), 0, POLICY).startswith("B is better on 1 criteria")


def test_a_clear_loser_settles():
    assert settled(_rows(60, 0.0), 0, POLICY) == "B is worse than the margin allows on c"


def test_it_looks_on_while_the_answer_is_open():
    assert settled(_rows(60, 0.55), 0, POLICY) == ""


def test_no_effect_at_length_settles_as_not_better():
    assert "can be better" in settled(_rows(6_000, 0.5), 0, POLICY)


@pytest.mark.parametrize(("count", "per_cluster"), [(29, 1), (60, 10)])
def test_it_does_not_settle_below_what_the_policy_decides_on(count: int, per_cluster: int):
    assert settled(_rows(count, 1.0, per_cluster=per_cluster), 0, POLICY) == ""


def test_a_criterion_without_verdicts_does_not_settle():
    both = POLICY.model_copy(update={"criteria": ("c", "other")})
    assert settled(_rows(60, 1.0), 0, both) == ""


def test_anytime_intervals_take_the_place_of_those_for_one_look():
    rows = _rows(100, 0.7)
    fixed = analyse(rows)
    (rate,) = anytime_analysis(fixed, rows, 0, POLICY).win_rates
    assert rate.interval is not None
    assert fixed.win_rates[0].interval is not None
    assert rate.interval[0] < fixed.win_rates[0].interval[0]  # wider: they hold at every look
    assert rate.win_rate_b == fixed.win_rates[0].win_rate_b
    assert (rate.p_value, rate.p_holm) == (None, None)
    assert "Bonferroni" in rate.method


def test_over_twenty_looks_no_effect_is_seldom_called_better():
    false = 0
    for seed in range(24):
        rows = _rows(200, 0.5, seed)
        order = _drawn({row.cluster for row in rows}, 0)
        seen = (set(order[:end]) for end in range(10, 201, 10))
        looks = (settled([row for row in rows if row.cluster in names], 0, POLICY) for names in seen)
        false += any(reason.startswith("B is better") for reason in looks)
    assert false <= 3  # with an order of its own for each look it was one in five


def test_what_was_looked_at_is_always_the_beginning_of_the_order():
    names = [f"d{number}" for number in range(50)]
    whole = _drawn(names, 3)
    for end in (7, 20, 49):
        assert _drawn(set(whole[:end]), 3) == whole[:end]
    assert whole != _drawn(names, 4)
