import numpy as np
import pytest
from scipy.special import expit, logit

from repartee_eval.statistics.length_control import length_controlled


def simulated(seed, items=2_000, quality=0.4, slope=1.5):
    random = np.random.default_rng(seed)
    difference = random.normal(60, 100, items)  # B is longer on the whole
    chance = expit(quality + slope * np.tanh(difference / difference.std()))
    return (random.random(items) < chance).astype(float), difference, np.arange(items) // 4


def test_finds_the_win_rate_at_equal_length_and_the_slope():
    scores, difference, clusters = simulated(1)
    fit = length_controlled(scores, difference, clusters, level=0.95)
    low, high = fit.win_rate.interval
    assert low < expit(0.4) < high < scores.mean()  # the raw rate is flattered by length
    assert fit.slope.interval[0] < 1.5 < fit.slope.interval[1]
    assert fit.p_value < 1e-6
    assert fit.slope.clusters == 500


def test_mirrored_data_give_the_mirrored_rate():
    scores, difference, clusters = simulated(2, items=400)
    one = length_controlled(scores, difference, clusters, level=0.95)
    other = length_controlled(1 - scores, -difference, clusters, level=0.95)
    assert logit(one.win_rate.value) == pytest.approx(-logit(other.win_rate.value), abs=1e-6)
    assert one.slope.value == pytest.approx(other.slope.value, abs=1e-6)


@pytest.mark.parametrize(
    ("scores", "difference", "why"),
    [
        ([1.0, 0.0] * 4, list(range(8)), "8 clusters with lengths, at least 10 are needed"),
        ([1.0, 0.0] * 10, [5] * 20, "the difference of lengths is the same everywhere"),
        ([1.0] * 20, list(range(20)), "all scores are the same"),
    ],
)
def test_says_why_there_is_no_fit(scores, difference, why):
    fit = length_controlled(np.array(scores), np.array(difference, float), np.arange(len(scores)), level=0.95)
    assert (fit.reason, fit.win_rate.value, fit.slope.unknown) == (why, None, why)


def test_separated_scores_are_not_fitted_and_warn_nobody():
    difference = np.linspace(-10, 10, 30)
    fit = length_controlled((difference > 0).astype(float), difference, np.arange(30), level=0.95)
    assert fit.reason
    assert fit.win_rate.value is None
