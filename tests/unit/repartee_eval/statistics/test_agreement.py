import numpy as np
import pytest

from repartee_eval.statistics.agreement import alpha, count_table, fleiss_kappa, pair_agreement


def test_alpha_is_that_of_krippendorffs_nominal_example():
    # Krippendorff (2011), Computing Krippendorff's alpha-reliability, section B: two observers, ten units
    first, second = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    table = count_table(np.repeat(np.arange(10), 2), np.array([first, second]).T.ravel(), 10)
    assert alpha(table) == pytest.approx(0.095, abs=5e-4)


def test_alpha_leaves_out_units_with_one_rating():
    table = np.array([[2, 0, 0], [0, 2, 0], [0, 0, 1]])
    assert alpha(table) == pytest.approx(1.0)


def test_fleiss_kappa_is_its_formula():
    table = np.array([[3, 0, 0], [1, 2, 0], [0, 3, 0], [1, 1, 1]])
    shares = table.sum(axis=0) / 12
    observed = np.mean(((table**2).sum(axis=1) - 3) / 6)
    chance = (shares**2).sum()
    assert fleiss_kappa(table) == pytest.approx((observed - chance) / (1 - chance))


def test_pairs_of_ratings_are_counted():
    assert pair_agreement(np.array([[2, 1, 0], [0, 1, 0]])) == (pytest.approx(1 / 3), 3)


@pytest.mark.parametrize(
    "table", [np.zeros((0, 3), int), np.array([[1, 0, 0]]), np.array([[3, 0, 0], [2, 0, 0]])]
)
def test_nothing_is_known_without_two_ratings_or_two_answers(table):
    assert alpha(table) is None
    assert fleiss_kappa(table) is None
