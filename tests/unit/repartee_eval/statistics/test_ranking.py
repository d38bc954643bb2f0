"""Golden values are worked out by hand beside them; log2(2) = 1, log2(3) = 1.584963, log2(4) = 2."""

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repartee_eval.statistics.ranking import (
    Counts,
    chance_of_any,
    dcg,
    hit_at,
    ndcg,
    recall_at,
    reciprocal_rank,
    thresholded,
)

grades = st.lists(st.integers(0, 2), min_size=1, max_size=30)
cuts = st.integers(1, 40)


def test_gain_is_exponential_and_discounted_by_log2():
    # (2^0-1)/1 + (2^2-1)/log2(3) + (2^1-1)/log2(4) = 0 + 3/1.584963 + 1/2 = 1.892789 + 0.5
    assert dcg([0, 2, 1], 3) == pytest.approx(2.392789, abs=1e-6)


def test_ndcg_divides_by_the_ideal_order():
    # ideal order 2, 1, 0: 3/1 + 1/log2(3) + 0 = 3.630930; 2.392789 / 3.630930
    assert ndcg([0, 2, 1], 3) == pytest.approx(0.659001, abs=1e-6)


def test_the_ideal_of_a_cut_list_knows_the_facts_below_the_cut():
    # dcg@1 of 1, 2 is (2^1-1)/1 = 1; the ideal first is the 2 below the cut: (2^2-1)/1 = 3
    assert ndcg([1, 2], 1) == pytest.approx(1 / 3)


def test_first_relevant_fact_decides_the_reciprocal_rank():
    assert reciprocal_rank([0, 0, 1, 2]) == pytest.approx(1 / 3)  # grade 1 at rank 3 counts


def test_recall_is_of_all_relevant_facts():
    assert recall_at([2, 0, 1, 0, 1], 3) == pytest.approx(2 / 3)  # grades 2 and 1 of three relevant


def test_hit_needs_one_relevant_fact():
    assert [hit_at([0, 0, 1], k) for k in (1, 2, 3)] == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("nothing", [[], [0, 0, 0]])
def test_without_a_relevant_fact_ranking_measures_are_undefined_not_zero(nothing):
    measured = [ndcg(nothing, 3), recall_at(nothing, 3), hit_at(nothing, 3), reciprocal_rank(nothing)]
    assert measured == [None, None, None, None]


@pytest.mark.parametrize("k", [0, -1])
def test_a_list_cannot_be_cut_before_its_first(k):
    for measure in (dcg, ndcg, recall_at, hit_at):
        with pytest.raises(ValueError, match="not after"):
            measure([1], k)


@given(grades, cuts)
def test_ndcg_lies_between_0_and_1(ranked, k):
    value = ndcg(ranked, k)
    assert value is None or 0 <= value <= 1 + 1e-12


@given(grades, cuts)
def test_ndcg_of_the_ideal_order_is_1(ranked, k):
    assert ndcg(sorted(ranked, reverse=True), k) in {None, 1.0}


@given(grades, cuts)
def test_recall_and_hits_grow_with_k(ranked, k):
    if any(ranked):
        assert recall_at(ranked, k) <= recall_at(ranked, k + 1)
        assert hit_at(ranked, k) <= hit_at(ranked, k + 1)
        assert recall_at(ranked, len(ranked)) == 1


@given(grades)
def test_reciprocal_rank_agrees_with_the_first_hit(ranked):
    if any(ranked):
        rank = next(k for k in range(1, len(ranked) + 1) if hit_at(ranked, k))
        assert math.isclose(reciprocal_rank(ranked), 1 / rank)


# --- with a threshold ---------------------------------------------------------------------------------


def test_counts_what_the_service_would_use():
    # of the first three, .5 and .4 are above .3; the first is relevant, and so is one below the limit
    assert thresholded([0.5, 0.4, 0.3, 0.29], [2, 0, 1, 0], limit=3, threshold=0.3) == Counts(2, 1, 2)


def test_a_score_on_the_threshold_is_not_above_it():
    assert thresholded([0.5, 0.3], [1, 1], limit=3, threshold=0.3).selected == 1


def test_the_limit_holds_however_good_the_scores_are():
    assert thresholded([0.9, 0.8, 0.7], [1, 1, 1], limit=2, threshold=0.1) == Counts(2, 2, 3)


@given(st.lists(st.tuples(st.floats(-1, 1), st.integers(0, 2)), max_size=12), st.integers(1, 5))
def test_a_higher_threshold_never_selects_more(pairs, limit):
    ranked = sorted(pairs, key=lambda pair: -pair[0])
    scores, labels = [score for score, _ in ranked], [grade for _, grade in ranked]
    low, high = (thresholded(scores, labels, limit, at) for at in (0.2, 0.4))
    assert high.selected <= low.selected
    assert high.correct <= low.correct
    assert high.correct <= min(high.selected, high.relevant)
    assert low.selected <= limit


@given(st.integers(0, 7), st.integers(0, 7), st.integers(0, 7))
def test_the_chance_of_any_is_the_share_of_all_draws_that_have_one(above: int, below: int, drawn: int):
    facts = [True] * above + [False] * below
    if drawn > len(facts):
        with pytest.raises(ValueError, match="cannot draw"):
            chance_of_any(above, len(facts), drawn)
        return
    draws = [any(draw) for draw in combinations(facts, drawn)]
    assert chance_of_any(above, len(facts), drawn) == pytest.approx(sum(draws) / len(draws))


def test_the_chance_of_any_can_be_worked_out_for_thousands_of_facts():
    # nearly as with replacement: 1 - (1 - 10/100000)^2000
    assert chance_of_any(10, 100_000, 2_000) == pytest.approx(0.1813, abs=2e-3)
