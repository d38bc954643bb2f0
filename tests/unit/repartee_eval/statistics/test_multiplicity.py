import pytest
from statsmodels.stats.multitest import multipletests

from repartee_eval.statistics.multiplicity import holm


@pytest.mark.parametrize("p_values", [[0.3], [0.04, 0.01, 0.03, 0.2], [0.02, 0.02, 0.9, 0.5, 0.001]])
def test_adjusts_as_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(tuple(multipletests(p_values, method="holm")[1]))


def test_a_test_that_was_not_made_does_not_count():
    assert holm([0.02, None, 0.04]) == (0.04, None, 0.04)
    assert holm([]) == ()
