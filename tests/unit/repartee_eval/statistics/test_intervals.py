import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repartee_eval.statistics.intervals import difference_interval, ratio, ratio_interval

part = st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda pair: (min(pair), max(pair)))
clusters = st.lists(st.lists(part, min_size=1, max_size=12), max_size=6)


def means(*clusters: list[float]) -> list[list[tuple[float, float]]]:
    """Return clusters whose ratio is the mean of all their values."""
    return [[(value, 1.0) for value in cluster] for cluster in clusters]


def test_a_ratio_is_of_sums_not_of_means():
    assert ratio([(1, 1), (1, 3)]) == 0.5  # 2 of 4, where the mean of 1/1 and 1/3 would be 2/3
    assert ratio([]) is None
    assert ratio([(0, 0)]) is None


def test_bounds_of_two_constant_clusters_are_those_of_drawing_two_users():
    # Two users, always 0 and always 1. A resample draws both zero, one of each, or both one, with
    # probability 1/4, 1/2, 1/4, and each gives exactly 0, 1/2 or 1: 2.5 % and 97.5 % lie at 0 and 1.
    interval = ratio_interval(means([0.0] * 5, [1.0] * 5), seed=0)
    assert (interval.value, interval.low, interval.high) == (0.5, 0.0, 1.0)
    assert (interval.n, interval.clusters, interval.unknown) == (10, 2, None)


def test_messages_are_drawn_within_users_too():
    # Alike users, unlike messages: with users drawn alone, every resample would give 0.5.
    interval = ratio_interval(means([0.0, 1.0] * 20, [0.0, 1.0] * 20), seed=0)
    # 80 fair coins: standard error sqrt(.25 / 80) = 0.0559, times 1.96 = 0.11
    assert interval.low == pytest.approx(0.39, abs=0.015)
    assert interval.high == pytest.approx(0.61, abs=0.015)


def test_many_clusters_of_one_message_agree_with_the_normal_interval():
    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    interval = ratio_interval(means(*([value] for value in values)), seed=0, resamples=4_000)
    half = 1.96 * values.std() / 20  # sqrt(400)
    assert interval.low == pytest.approx(values.mean() - half, abs=0.03)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.03)


def test_users_who_differ_make_the_interval_wider_than_their_messages_would():
    differing = ratio_interval(means([0.1] * 50, [0.9] * 50, [0.5] * 50), seed=0)
    mixed = ratio_interval(means(*[[0.1, 0.9, 0.5] * 17] * 3), seed=0)
    assert differing.high - differing.low > 3 * (mixed.high - mixed.low)


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=8, unique=True), st.integers(0, 9))
@settings(max_examples=25)
def test_symmetric_data_lie_around_the_value(distances, seed):
    values = [0.0, *distances, *(-distance for distance in distances)]
    interval = ratio_interval(means(values, values, values), seed=seed, resamples=500)
    assert interval.low < interval.value < interval.high


@given(clusters, st.integers(0, 3))
@settings(max_examples=60)
def test_same_seed_same_interval_and_bounds_in_order(data, seed):
    interval = ratio_interval(data, seed=seed, resamples=200)
    assert interval == ratio_interval(data, seed=seed, resamples=200)
    assert (interval.low is None) == (interval.high is None) == (interval.unknown is not None)
    if interval.low is not None:
        assert 0 <= interval.low <= interval.high <= 1


def test_another_seed_gives_another_interval():
    data = means(*np.random.default_rng(0).random((5, 20)).tolist())
    assert ratio_interval(data, seed=0).low != ratio_interval(data, seed=1).low


def test_more_users_make_it_narrower():
    random = np.random.default_rng(2)
    few, many = (means(*random.random((count, 10)).tolist()) for count in (5, 80))
    narrow, wide = (ratio_interval(data, seed=0) for data in (many, few))
    assert narrow.high - narrow.low < (wide.high - wide.low) / 2


@pytest.mark.parametrize(("users", "least", "most"), [(2, 0.80, 0.90), (4, 0.88, 0.97)])
def test_how_often_an_interval_holds_the_truth_is_as_documented(users: int, least: float, most: float):
    # Users' own rates are normal around 0.5 with a standard deviation of 0.1; each has 48 messages.
    # Over 2000 simulations 86 % for two users, 92 % for four; 300 have a standard error of 2 points.
    random, held = np.random.default_rng(0), 0
    for number in range(300):
        rates = random.normal(0.5, 0.1, users)
        data = means(*(random.random(48) < rate for rate in rates))
        interval = ratio_interval(data, seed=number, resamples=400)
        held += interval.low <= 0.5 <= interval.high
    assert least <= held / 300 <= most


# --- where nothing honest can be said -----------------------------------------------------------------


@pytest.mark.parametrize("empty", [[], [[]], [[(0.0, 0.0)], [(0.0, 0.0)]]])
def test_no_data_has_no_value(empty):
    interval = ratio_interval(empty, seed=0)
    assert (interval.value, interval.low, interval.high) == (None, None, None)
    assert (interval.n, interval.clusters, interval.unknown) == (0, 0, "no data")


def test_one_user_has_a_value_and_no_bounds():
    interval = ratio_interval(means([0.0, 1.0] * 50), seed=0)
    assert (interval.value, interval.low, interval.unknown) == (0.5, None, "one cluster")


def test_a_user_without_a_denominator_does_not_make_two():
    assert ratio_interval([[(1, 2), (0, 1)], [(0, 0)]], seed=0).unknown == "one cluster"


def test_nothing_of_twenty_is_no_proof_of_never():
    interval = ratio_interval(means([0.0] * 10, [0.0] * 10), seed=0)
    assert (interval.value, interval.low, interval.unknown) == (0.0, None, "no variation")


def test_a_ratio_that_most_resamples_cannot_form_has_no_bounds():
    rare = [[(1.0, 1.0)] + [(0.0, 0.0)] * 30, [(0.0, 1.0)] + [(0.0, 0.0)] * 30]
    assert ratio_interval(rare, seed=0).unknown == "often undefined"


# --- differences --------------------------------------------------------------------------------------


def paired(
    *clusters: list[tuple[float, float]],
) -> list[list[tuple[tuple[float, float], tuple[float, float]]]]:
    """Return clusters of two means, each message with a value for both."""
    return [[((one, 1.0), (other, 1.0)) for one, other in cluster] for cluster in clusters]


def test_what_both_have_in_common_cancels_out():
    values = np.random.default_rng(3).normal(0.0, 10.0, (2, 100))
    noise = np.random.default_rng(4).normal(0.5, 0.1, (2, 100))
    pairs = np.stack([values, values + noise], axis=-1).tolist()
    interval = difference_interval(paired(*pairs), seed=0)
    # 200 gains of 0.5 with a deviation of 0.1; unpaired, the deviation of 10 would make it some 3 wide
    assert interval.value == pytest.approx(noise.mean())
    assert interval.low == pytest.approx(noise.mean() - 1.96 * 0.1 / 200**0.5, abs=0.01)
    assert interval.high == pytest.approx(noise.mean() + 1.96 * 0.1 / 200**0.5, abs=0.01)


def test_a_difference_is_of_two_ratios_of_sums():
    two_users = [[((1, 1), (1, 2)), ((1, 3), (1, 1))]] * 2
    assert difference_interval(two_users, seed=0).value == pytest.approx(2 / 3 - 2 / 4)


def test_a_difference_of_nothing_with_itself_is_zero_and_proves_nothing():
    interval = difference_interval(paired([(0.3, 0.3), (0.9, 0.9)], [(0.1, 0.1)]), seed=0)
    assert (interval.value, interval.low, interval.high) == (0.0, None, None)
    assert interval.unknown == "no variation"


def test_a_difference_has_no_interval_where_a_ratio_has_none():
    assert difference_interval(paired([(0.1, 0.2)]), seed=0).unknown == "one cluster"
    assert difference_interval([], seed=0).unknown == "no data"
    one_sided = difference_interval([[((1, 1), (0, 0))], [((0, 1), (0, 0))]], seed=0)
    assert (one_sided.value, one_sided.n, one_sided.unknown) == (None, 2, "often undefined")
