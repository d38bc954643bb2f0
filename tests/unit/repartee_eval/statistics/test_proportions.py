from math import sqrt

import pytest

from repartee_eval.statistics.proportions import rate_difference, rate_of


def test_no_hit_leaves_the_upper_bound_of_the_closed_form():
    found = rate_of(0, 50)
    assert found.rate == 0
    assert found.interval[0] == 0
    assert found.interval[1] == pytest.approx(1 - 0.025 ** (1 / 50))


def test_all_hits_leave_the_lower_bound_of_the_closed_form():
    assert rate_of(20, 20, 0.9).interval == (pytest.approx(0.05 ** (1 / 20)), 1)


def test_a_known_interval():
    # 4 of 20: beta quantiles B(4, 17) at 2.5% and B(5, 16) at 97.5%
    assert rate_of(4, 20).interval == (pytest.approx(0.05733, abs=1e-5), pytest.approx(0.43661, abs=1e-5))


def test_nothing_observed_is_unknown_not_zero():
    found = rate_of(0, 0)
    assert (found.rate, found.interval) == (None, None)
    assert rate_difference(found, rate_of(1, 10)).difference is None


@pytest.mark.parametrize(("hits", "n"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(hits, n):
    with pytest.raises(ValueError, match="not possible"):
        rate_of(hits, n)


def wilson(hits: int, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    middle, half = (hits + z * z / 2) / (n + z * z), z * sqrt(hits * (n - hits) / n + z * z / 4) / (n + z * z)
    return middle - half, middle + half


def test_the_difference_has_newcombes_interval_from_two_wilson_intervals():
    # Newcombe 1998, method 10: the differences of each rate to its Wilson bounds, added as squares
    first, second = rate_of(48, 80), rate_of(56, 70)
    (low_1, high_1), (low_2, high_2) = wilson(48, 80), wilson(56, 70)
    found = rate_difference(first, second)
    assert found.difference == pytest.approx(0.2)
    assert found.interval[0] == pytest.approx(0.2 - sqrt((0.8 - low_2) ** 2 + (high_1 - 0.6) ** 2))
    assert found.interval[1] == pytest.approx(0.2 + sqrt((high_2 - 0.8) ** 2 + (0.6 - low_1) ** 2))
