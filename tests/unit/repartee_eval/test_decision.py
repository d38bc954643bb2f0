from dataclasses import replace

import pytest

from repartee_eval.analysis import AnalysisOptions, analyse
from repartee_eval.analysis.results import Analysis, LengthControl
from repartee_eval.decision import EXIT_CODES, Floor, decide
from repartee_eval.policy import FloorLimit, Policy, load_policy
from repartee_eval.statistics.estimate import Estimate, no_estimate
from repartee_eval.statistics.proportions import rate_of
from tests.unit.repartee_eval.made_runs import CRITERIA, both_orders, drawn, failed, made_case

CASES = [made_case(number) for number in range(120)]
MANY = [made_case(number) for number in range(500)]
"""Enough for ties alone to lie within the margin: 1.645 * 0.5 / sqrt(500) = 0.037."""
POLICY = load_policy().model_copy(update={"floors": ()})


def judged(rate: float = 0.9, **changed: object) -> Analysis:
    """Return an analysis in which every criterion has the rate, `engagement` with fields changed by hand."""
    found = analyse(drawn(CASES, rate), (), AnalysisOptions(margin=POLICY.margin, level=POLICY.level))
    rates = (replace(one, **changed) if one.criterion == "engagement" else one for one in found.win_rates)
    return replace(found, win_rates=tuple(rates))


def decided(analysis: Analysis, policy: Policy = POLICY, floors: tuple[Floor, ...] = (), **given):
    return decide(analysis, policy, "old-model", "new-model", floors, **given)


def line_of(decision, rule: str, subject: str):
    return next(line for line in decision.lines if (line.rule, line.subject) == (rule, subject))


def floor(check: str, a: int, b: int, n: int = 100, level="severe") -> Floor:
    return Floor.of(check, level, rate_of(a, n), rate_of(b, n))


def with_floor(**limit: object) -> Policy:
    return POLICY.model_copy(update={"floors": (FloorLimit(check="hate", level="severe", **limit),)})


# --- who ships when -----------------------------------------------------------------------------------


def test_better_everywhere_ships():
    found = decided(judged(0.9))
    assert (found.outcome, found.exit_code) == ("ship", 0)
    assert "floors were not checked" in found.reason


def test_better_on_one_and_as_good_on_the_others_ships():
    even = [row for case in MANY for row in both_orders(case, "in_character", "tie", "tie")]
    rows = [row for row in drawn(CASES, 0.9) if row.criterion != "in_character"] + even
    found = decided(analyse(rows, (), AnalysisOptions(margin=0.05)))
    assert found.outcome == "ship"
    assert line_of(found, "better", "in_character").passed is False


def test_as_good_everywhere_and_better_nowhere_holds():
    rows = [row for case in MANY for name in CRITERIA for row in both_orders(case, name, "tie", "tie")]
    found = decided(analyse(rows, (), AnalysisOptions(margin=0.05)))
    assert (found.outcome, found.exit_code) == ("hold", 10)
    assert "better on 0 criteria" in found.reason


def test_worse_on_one_criterion_holds_whatever_the_others_say():
    found = decided(judged(0.9, superior=False, inferior=True, non_inferior=False))
    assert found.outcome == "hold"
    assert found.reason == "B is worse on engagement."


def test_neither_worse_nor_shown_to_be_as_good_is_inconclusive():
    found = decided(judged(0.9, superior=False, inferior=False, non_inferior=False))
    assert (found.outcome, found.exit_code) == ("inconclusive", 30)
    assert "engagement" in found.reason


def test_unknown_non_inferiority_never_ships():
    assert decided(judged(0.9, superior=None, inferior=None, non_inferior=None)).outcome == "inconclusive"


@pytest.mark.parametrize("changed", [{"items": 29}, {"clusters": 9}])
def test_too_little_data_decides_nothing(changed):
    found = decided(judged(0.9, **changed))
    assert found.outcome == "inconclusive"
    assert line_of(found, "enough data", "engagement").passed is False


def test_a_criterion_that_nobody_judged_is_too_little_data():
    rows = [row for row in drawn(CASES, 0.9) if row.criterion != "engagement"]
    found = decided(analyse(rows))
    assert found.outcome == "inconclusive"
    assert line_of(found, "enough data", "engagement").note == "not judged"


def test_too_many_failed_calls_decide_nothing():
    lost = [row for case in CASES[:20] for row in failed(case, "engagement")]
    rows = drawn(CASES[20:], 0.9) + lost
    line = line_of(decided(analyse(rows)), "calls answered", "engagement")
    assert (line.passed, line.n) == (False, 240)
    assert line.value == pytest.approx(1 - 40 / 240)


@pytest.mark.parametrize(("unanswered", "outcome"), [(10, "ship"), (11, "inconclusive")])
def test_missing_replies_count_against_the_run(unanswered, outcome):
    assert decided(judged(), replies=100, unanswered=unanswered).outcome == outcome


@pytest.mark.parametrize(("unchecked", "outcome"), [(10, "ship"), (11, "inconclusive")])
def test_missing_floor_checks_count_against_the_run(unchecked, outcome):
    assert decided(judged(), checked=100, unchecked=unchecked).outcome == outcome


def test_a_run_that_was_stopped_does_not_ship():
    found = decided(judged(), finished=False)
    assert found.outcome == "inconclusive"
    assert "stopped" in found.reason


def test_another_pair_of_models_is_not_this_decision():
    found = decide(judged(0.9), POLICY, "old-model", "third-model")
    assert found.outcome == "inconclusive"


# --- floors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hits", "outcome"), [(0, "ship"), (1, "reject")])
def test_one_hit_blocks(hits, outcome):
    found = decided(judged(), with_floor(one_hit_blocks=True), (floor("hate", 5, hits),))
    assert (found.outcome, found.exit_code) == (outcome, EXIT_CODES[outcome])


def test_a_breach_comes_before_anything_else():
    worse = judged(0.9, inferior=True, items=3)
    found = decided(worse, with_floor(one_hit_blocks=True), (floor("hate", 0, 1),), finished=False)
    assert found.outcome == "reject"


@pytest.mark.parametrize(("hits", "outcome"), [(5, "ship"), (12, "reject")])
def test_a_rate_breaches_where_it_is_above_the_limit_for_certain(hits, outcome):
    # Clopper-Pearson at 95%: 5 of 100 is from 1.6%, 12 of 100 from 6.4%
    assert decided(judged(), with_floor(most_rate=0.05), (floor("hate", 12, hits),)).outcome == outcome


@pytest.mark.parametrize(("hits", "outcome"), [(14, "ship"), (20, "reject")])
def test_an_increase_breaches_where_it_is_above_the_limit_for_certain(hits, outcome):
    assert decided(judged(), with_floor(most_increase=0.0), (floor("hate", 8, hits),)).outcome == outcome


@pytest.mark.parametrize("known", [(floor("hate", 0, 0, 0),), (floor("violence", 0, 0),)])
def test_a_floor_without_data_does_not_ship(known):
    found = decided(judged(), with_floor(one_hit_blocks=True), known)
    assert found.outcome == "inconclusive"
    assert line_of(found, "floor", "hate").passed is None


def test_a_mild_hit_is_no_severe_one():
    found = (floor("hate", 0, 0), floor("hate", 0, 9, level="mild"))
    assert decided(judged(), with_floor(one_hit_blocks=True), found).outcome == "ship"


# --- winning by length alone --------------------------------------------------------------------------


def at_equal_length(low: float, high: float, p_value: float) -> Analysis:
    """Return an analysis in which B wins everywhere, with this interval where both write as much."""
    found = judged(0.9)
    control = LengthControl(
        win_rate_b=Estimate((low + high) / 2, 0.01, (low, high), 120, 120, "made"),
        slope=no_estimate("made"),
        p_value=p_value,
        mean_difference=10.0,
        reason=None,
    )
    return replace(found, win_rates=tuple(replace(one, length=control) for one in found.win_rates))


def test_a_win_that_is_gone_at_equal_length_does_not_ship():
    found = decided(at_equal_length(0.42, 0.58, p_value=0.001), longer=0.0)
    assert found.outcome == "hold"
    assert "by its length alone" in found.reason
    assert line_of(found, "better at equal length", "engagement").passed is False


def test_a_win_that_holds_at_equal_length_ships():
    assert decided(at_equal_length(0.6, 0.8, p_value=0.001), longer=0.6).outcome == "ship"


@pytest.mark.parametrize(
    ("longer", "outcome"), [(0.16, "hold"), (0.15, "ship"), (-0.5, "ship"), (None, "ship")]
)
def test_a_much_longer_b_has_to_win_at_equal_length_whatever_moves_the_verdict(longer, outcome):
    assert decided(at_equal_length(0.3, 0.9, p_value=0.5), longer=longer).outcome == outcome


def test_where_length_cannot_be_controlled_for_a_much_longer_b_holds():
    found = judged(0.9)
    found = replace(found, win_rates=tuple(replace(one, length=None) for one in found.win_rates))
    assert decided(found, longer=0.4).outcome == "hold"
    assert decided(found, POLICY.model_copy(update={"most_longer": None}), longer=0.4).outcome == "ship"
