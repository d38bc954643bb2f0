import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score

from repartee_eval.statistics.classification import classify


def test_measures_are_scikit_learns():
    random = np.random.default_rng(1)
    label, answer = random.integers(0, 3, 200), random.integers(0, 3, 200)
    found = classify(label, answer)
    assert found.kappa == pytest.approx(cohen_kappa_score(label, answer))
    assert found.f1 == pytest.approx(f1_score(label, answer, average="macro"))
    assert found.accuracy == pytest.approx((label == answer).mean())
    assert sum(map(sum, found.confusion)) == 200


def test_an_answer_that_nobody_gives_is_no_class():
    found = classify(np.array([0, 1, 0]), np.array([0, 1, 1]))
    assert [one.code for one in found.classes] == [0, 1]
    assert found.recall == pytest.approx(0.75)


def test_one_answer_only_has_no_kappa():
    found = classify(np.array([1, 1]), np.array([1, 1]))
    assert (found.accuracy, found.kappa) == (1.0, None)
    assert classify(np.zeros(0, int), np.zeros(0, int)) is None
