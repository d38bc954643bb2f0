import numpy as np
import pytest

from repartee_eval.statistics.clustered_means import clustered_mean
from repartee_eval.statistics.sample_size import (
    Design,
    detectable_effect,
    non_inferiority_size,
    superiority_size,
)


@pytest.mark.parametrize(("rate", "items"), [(0.55, 783), (0.6, 194), (0.65, 85), (0.4, 194)])
def test_independent_decisive_items(rate, items):
    assert superiority_size(rate, Design()).items == items


def test_ties_take_from_the_variance_and_clusters_add():
    plain = superiority_size(0.55, Design()).items
    assert superiority_size(0.55, Design(tie_share=0.3)).items == pytest.approx(0.7 * plain, rel=0.01)
    clustered = superiority_size(0.55, Design(cluster_size=5, icc=0.25))
    assert (clustered.design_effect, clustered.independent) == (2.0, plain)
    assert clustered.items == pytest.approx(2 * plain, abs=2)
    assert clustered.clusters == pytest.approx(clustered.items / 5, abs=1)


def test_more_criteria_and_more_power_need_more():
    assert superiority_size(0.6, Design(criteria=3)).items > superiority_size(0.6, Design()).items
    assert superiority_size(0.6, Design(power=0.9)).items > superiority_size(0.6, Design()).items


def test_the_detectable_effect_inverts_the_size():
    assert detectable_effect(783, Design()) == pytest.approx(0.55, abs=1e-4)
    assert detectable_effect(2, Design()) is None


def test_the_planned_number_has_the_planned_power():
    random = np.random.default_rng(3)
    found = 0
    for _ in range(300):
        values = (random.random(194) < 0.6).astype(float)
        found += clustered_mean(values, range(194)).interval[0] > 0.5
    assert found / 300 == pytest.approx(0.8, abs=0.06)


def test_a_margin_that_is_the_truth_cannot_be_shown():
    assert non_inferiority_size(0.05, Design()).items == 615
    with pytest.raises(ValueError, match="not above"):
        non_inferiority_size(0.05, Design(), win_rate=0.45)
    with pytest.raises(ValueError, match="from itself"):
        superiority_size(0.5, Design())
    with pytest.raises(ValueError, match="tie share"):
        superiority_size(0.9, Design(tie_share=0.5))
