import warnings
from itertools import product

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from repartee_eval.statistics.clustered_means import (
    T_METHOD,
    WILSON_METHOD,
    clustered_mean,
    grouped_means,
)

scores = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 6)), min_size=1, max_size=40)


def test_independent_items_have_the_standard_error_of_the_mean():
    values = [1, 0, 1, 1, 0.5, 0, 1, 1]
    found = clustered_mean(values, range(8))
    assert found.se == pytest.approx(np.std(values, ddof=1) / np.sqrt(8))  # AlpacaEval's standard_error
    reach = stats.t.ppf(0.975, 7) * found.se
    assert found.interval == pytest.approx((np.mean(values) - reach, min(np.mean(values) + reach, 1)))
    assert (found.n, found.clusters, found.method) == (8, 8, T_METHOD)


def test_the_clustered_error_is_that_of_a_regression_on_a_constant():
    random = np.random.default_rng(3)
    cluster = np.repeat(np.arange(12), 5)
    values = np.clip(random.random(60) * 0.4 + random.random(12)[cluster] * 0.6, 0, 1)
    model = sm.OLS(values, np.ones(60)).fit(
        cov_type="cluster", cov_kwds={"groups": cluster, "df_correction": True}
    )
    # statsmodels multiplies by (n - 1) / (n - k) as well, which is 1 for a constant
    assert clustered_mean(values, cluster.tolist()).se == pytest.approx(float(model.bse[0]))


def test_alike_items_of_one_cluster_count_as_one():
    one = clustered_mean([1, 0, 1, 1, 0], range(5))
    five = clustered_mean([1, 0, 1, 1, 0] * 5, list(range(5)) * 5)
    assert five.interval == pytest.approx(one.interval)
    assert (five.n, five.clusters) == (25, 5)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("clusters", [1, 2, 20])
def test_scores_without_variation_have_wilsons_interval(value, clusters):
    found = clustered_mean([value] * clusters * 3, list(range(clusters)) * 3)
    low, high = proportion_confint(value * clusters, clusters, method="wilson")
    assert found.interval == pytest.approx((low, high))
    assert found.method == WILSON_METHOD
    assert found.interval[1] - found.interval[0] > 0.1


def test_no_scores_are_no_estimate():
    found = clustered_mean([], [])
    assert (found.value, found.interval, found.n, found.unknown) == (None, None, 0, "no data")


@settings(max_examples=60, deadline=None)
@given(scores)
def test_mirrored_scores_have_the_mirrored_interval(rows):
    values, cluster = np.array([one for one, _ in rows]), [one for _, one in rows]
    found, mirrored = clustered_mean(values, cluster), clustered_mean(1 - values, cluster)
    assert found.interval == pytest.approx((1 - mirrored.interval[1], 1 - mirrored.interval[0]), abs=1e-9)
    assert 0 <= found.interval[0] < found.interval[1] <= 1


@settings(max_examples=40, deadline=None)
@given(scores)
def test_bounds_and_p_values_say_the_same(rows):
    cluster = np.array([one for _, one in rows])
    means = grouped_means(np.zeros(len(rows), np.int64), np.array([one for one, _ in rows]), cluster, 1)
    low, high = means.bounds(0.975)
    if low[0] > 0.01 and high[0] < 0.99 and min(abs(low[0] - 0.5), abs(high[0] - 0.5)) > 1e-6:
        assert (means.p_differs(0.5)[0] < 0.05) == (low[0] > 0.5 or high[0] < 0.5)
    assert means.p_above(0.5)[0] + 1e-12 >= means.p_above(0.4)[0] * (means.degenerate[0] == 0)


def test_groups_are_each_as_by_themselves():
    random = np.random.default_rng(5)
    group, values = random.integers(0, 4, 200), random.integers(0, 3, 200) / 2
    cluster = random.integers(0, 15, 200)
    means = grouped_means(group, values, cluster, 5)
    for number in range(4):
        alone = clustered_mean(values[group == number], cluster[group == number].tolist())
        assert (means.mean[number], means.se[number]) == pytest.approx((alone.value, alone.se))
    assert means.n[4] == 0


def test_an_empty_group_makes_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        means = grouped_means(np.array([0]), np.array([1.0]), np.array([0]), 2)
        means.bounds(0.95), means.p_differs(0.5), means.p_above(0.45)


def test_the_interval_holds_the_truth_nineteen_times_in_twenty():
    random = np.random.default_rng(11)
    held = 0
    for _ in range(400):
        rates = np.clip(0.6 + random.normal(0, 0.2, 20), 0, 1)  # truth of these draws: the clipped mean
        rows = [
            (float(random.random() < rate), number) for number, rate in enumerate(rates) for _ in range(6)
        ]
        low, high = clustered_mean([one for one, _ in rows], [one for _, one in rows]).interval
        held += low <= 0.5975 <= high
    assert held / 400 == pytest.approx(0.95, abs=0.03)


def test_taking_items_as_independent_would_be_too_narrow():
    rows = [(float(number % 2), number) for number, _ in product(range(10), range(8))]
    values = [one for one, _ in rows]
    clustered = clustered_mean(values, [one for _, one in rows])
    naive = clustered_mean(values, range(80))
    assert clustered.se > 2.5 * naive.se
