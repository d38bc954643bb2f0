from itertools import pairwise

import numpy as np
import pytest

from repartee_eval.statistics.confidence_sequence import (
    AnytimeInterval,
    ConfidenceSequence,
    confidence_sequence,
    stop,
)


def ever(values, alpha, looks):
    """Tell what 20 looks at one run say, the last of them if none stops it."""
    sequence = ConfidenceSequence(alpha, grid=100)
    for number, value in enumerate(values, 1):
        sequence.update(value)
        if number % looks == 0 and stop(sequence.interval) == "ship":
            return "ship"
    return "continue"


def test_twenty_looks_at_a_null_ship_falsely_in_one_of_twenty_at_most():
    random = np.random.default_rng(7)
    runs = [random.choice([0.0, 0.5, 1.0], size=100, p=[0.4, 0.2, 0.4]) for _ in range(300)]
    assert sum(ever(run, 0.05, 5) == "ship" for run in runs) / 300 <= 0.05


def test_a_real_effect_is_shipped_early():
    random = np.random.default_rng(8)
    shipped = [ever((random.random(300) < 0.75).astype(float), 0.05, 15) for _ in range(20)]
    assert shipped.count("ship") >= 19


def test_the_interval_never_grows_and_closes_in_on_the_mean():
    random = np.random.default_rng(12)
    found = confidence_sequence((random.random(400) < 0.7).astype(float))
    widths = [one.interval[1] - one.interval[0] for one in found]
    assert all(later <= sooner for sooner, later in pairwise(widths))
    assert found[-1].interval[0] < 0.7 < found[-1].interval[1]
    assert widths[-1] < 0.25
    assert [one.n for one in found[:3]] == [1, 2, 3]


def test_the_truth_is_left_out_in_one_of_twenty_runs_at_most():
    random = np.random.default_rng(13)
    missed = 0
    for _ in range(200):
        low, high = confidence_sequence((random.random(80) < 0.7).astype(float))[-1].interval
        missed += not low <= 0.7 <= high
    assert missed / 200 <= 0.05


def test_mirrored_values_have_the_mirrored_interval():
    values = np.random.default_rng(10).random(60)
    one, other = confidence_sequence(values)[-1].interval, confidence_sequence(1 - values)[-1].interval
    assert one == pytest.approx((1 - other[1], 1 - other[0]))


def test_stops_for_an_effect_for_its_absence_and_else_not():
    def now(low, high):
        return AnytimeInterval(10, 0.5, (low, high), 0.05)

    assert stop(now(0.51, 0.7)) == "ship"
    assert stop(now(0.3, 0.49)) == "futility"
    assert stop(now(0.4, 0.6)) == "continue"
    assert stop(now(0.46, 0.6), null=0.45) == "ship"
    assert stop(now(0.4, 0.53), least_effect=0.05) == "futility"


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_refuses_values_outside(value):
    with pytest.raises(ValueError, match="between 0 and 1"):
        ConfidenceSequence().update(value)
    with pytest.raises(ValueError, match="alpha"):
        ConfidenceSequence(0)
