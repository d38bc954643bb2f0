"""Worse candidates must not pass, better ones must: golden, pairwise and length over seeds."""

from collections import Counter
from dataclasses import replace

import pytest

from repartee_tune.errors import TuneError
from repartee_tune.gates.golden import check_golden
from repartee_tune.gates.length import check_length, lengths_of_verdicts
from repartee_tune.gates.pairwise import check_pairwise, oriented
from repartee_tune.gates.policy import GoldenPolicy, LengthPolicy
from tests.unit.repartee_tune.gates.simulated import pairwise_policy, scores, verdicts

SEEDS = 20


@pytest.mark.parametrize(
    ("difference", "least_passed", "most_passed"),
    [(0.05, SEEDS, SEEDS), (0.0, SEEDS - 1, SEEDS), (-0.05, 0, 3), (-0.1, 0, 0)],
)
def test_golden_decides_by_the_margin(difference: float, least_passed: int, most_passed: int) -> None:
    passed = sum(
        check_golden(scores(difference, seed), GoldenPolicy(), {}).decision == "pass" for seed in range(SEEDS)
    )
    assert least_passed <= passed <= most_passed


def test_golden_fails_what_is_surely_worse_and_needs_enough_items() -> None:
    assert check_golden(scores(-0.1, 1), GoldenPolicy(), {}).decision == "fail"
    assert check_golden(scores(0.1, 1, items=199), GoldenPolicy(), {}).decision == "inconclusive"
    assert check_golden(scores(0.1, 1, clusters=19), GoldenPolicy(), {}).decision == "inconclusive"
    assert check_golden(scores(0.1, 1), GoldenPolicy(), {}, without_reply=1).decision == "inconclusive"
    assert check_golden([], GoldenPolicy(), {}).decision == "inconclusive"


@pytest.mark.parametrize(
    ("rate", "least_passed", "most_passed"),
    [(0.65, SEEDS - 1, SEEDS), (0.5, 0, 2), (0.48, 0, 1), (0.44, 0, 0), (0.35, 0, 0)],
)
def test_pairwise_passes_the_better_and_not_the_worse(
    rate: float, least_passed: int, most_passed: int
) -> None:
    decisions = Counter(
        check_pairwise(verdicts(rate, seed), "candidate", "champion", pairwise_policy(), {}).decision
        for seed in range(SEEDS)
    )
    assert least_passed <= decisions["pass"] <= most_passed


def test_pairwise_fails_what_surely_loses() -> None:
    result = check_pairwise(verdicts(0.3, 1), "candidate", "champion", pairwise_policy(), {})
    assert (result.decision, result.n, result.floor) == ("fail", 400, False)


def test_pairwise_needs_prompts_both_orders_and_answers() -> None:
    rows = verdicts(0.7, 1)
    one_order = [row for row in rows if row.first == "a"]
    few = [row for row in rows if int(row.item[1:]) < 399]
    unanswered = [
        replace(row, verdict="failed", failure="timeout")
        if row.first == "a" and int(row.item[1:]) % 5 == 0
        else row
        for row in rows
    ]
    for broken in (one_order, few, unanswered):
        assert (
            check_pairwise(broken, "candidate", "champion", pairwise_policy(), {}).decision == "inconclusive"
        )


def test_pairwise_does_not_care_who_is_called_a() -> None:
    rows = verdicts(0.65, 2)
    swapped = list(oriented(rows, "champion", "candidate"))
    assert {(row.model_a, row.model_b) for row in swapped} == {("candidate", "champion")}
    one = check_pairwise(rows, "candidate", "champion", pairwise_policy(), {})
    assert check_pairwise(swapped, "candidate", "champion", pairwise_policy(), {}) == one


def test_a_judge_that_always_likes_the_first_proves_nothing() -> None:
    result = check_pairwise(verdicts(0.9, 3, flips=1.0), "candidate", "champion", pairwise_policy(), {})
    assert result.decision != "pass"
    assert (result.value, result.numbers["criteria"]["overall"]["flips"]) == (0.5, 400)


def test_a_breached_floor_fails_a_better_model() -> None:
    rows = [*verdicts(0.7, 1), *verdicts(0.2, 1, criterion="safety")]
    policy = pairwise_policy({"safety": 0.45})
    result = check_pairwise(rows, "candidate", "champion", policy, {})
    assert (result.decision, result.floor) == ("fail", True)
    unjudged = check_pairwise(verdicts(0.7, 1), "candidate", "champion", policy, {})
    assert unjudged.decision == "inconclusive"


def test_as_good_is_enough_only_where_the_policy_says_so() -> None:
    rows = verdicts(0.5, 5, prompts=4_000, clusters=400)
    better = check_pairwise(rows, "candidate", "champion", pairwise_policy(), {})
    assert (better.decision, "better on 0 criteria" in better.reason) == ("fail", True)
    as_good = check_pairwise(rows, "candidate", "champion", pairwise_policy(superior_on_at_least=0), {})
    assert as_good.decision == "pass"


def test_a_win_by_length_alone_is_no_win() -> None:
    rows = [
        replace(row, len_b=(row.len_a or 0) + (90 if row.verdict == "b" else -20)) for row in verdicts(0.6, 6)
    ]
    result = check_pairwise(rows, "candidate", "champion", pairwise_policy(), {})
    assert (result.decision, "by its length" in result.reason) == ("fail", True)


def test_verdicts_about_other_models_are_an_error() -> None:
    with pytest.raises(TuneError, match="--candidate-name"):
        check_pairwise(verdicts(0.5, 1), "somebody", "champion", pairwise_policy(), {})


@pytest.mark.parametrize(
    ("factor", "decision"),
    [(1.0, "pass"), (1.1, "pass"), (1.4, "fail"), (0.6, "fail"), (1.15, "inconclusive")],
)
def test_length_stays_within_the_tolerance(factor: float, decision: str) -> None:
    rows = [replace(row, len_b=int((row.len_b or 0) * factor)) for row in verdicts(0.5, 4)]
    result = check_length(lengths_of_verdicts(rows), LengthPolicy(), 0, {})
    assert (result.decision, result.n) == (decision, 400)


def test_identical_replies_have_the_same_length() -> None:
    rows = [replace(row, len_b=row.len_a) for row in verdicts(0.5, 4)]
    assert check_length(lengths_of_verdicts(rows), LengthPolicy(), 0, {}).decision == "pass"
    assert check_length([], LengthPolicy(), 0, {}).decision == "inconclusive"
