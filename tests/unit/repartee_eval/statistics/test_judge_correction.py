import numpy as np
import pytest

from repartee_eval.statistics.judge_correction import prediction_powered, rogan_gladen


def simulated(random, items=1_500, labelled=300, truth=0.6, hit=0.85, miss=0.7):
    label = (random.random(items) < truth).astype(float)
    right = random.random(items) < np.where(label == 1, hit, miss)
    verdict = np.where(right, label, 1 - label)
    return label[:labelled], verdict[:labelled], verdict


def test_both_corrections_undo_a_biased_judge_and_hold_their_level():
    random = np.random.default_rng(4)
    gladen, powered, raw = [], [], []
    for _ in range(200):
        label, verdict, judged = simulated(random)
        ids = np.arange(len(judged))
        raw.append(judged.mean())
        gladen.append(rogan_gladen(judged[300:], ids[300:], label, verdict))
        powered.append(prediction_powered(label, verdict, ids[:300], judged[300:], ids[300:]).estimate)
    assert np.mean(raw) == pytest.approx(0.63, abs=0.01)  # 0.6 · 0.85 + 0.4 · 0.3: not 0.6
    for found in (gladen, powered):
        assert np.mean([one.value for one in found]) == pytest.approx(0.6, abs=0.012)
        held = np.mean([one.interval[0] <= 0.6 <= one.interval[1] for one in found])
        assert 0.92 <= held <= 0.99


def test_rogan_gladen_is_its_formula():
    label = np.array([1.0] * 100 + [0.0] * 100)
    verdict = np.array([1.0] * 90 + [0.0] * 10 + [0.0] * 80 + [1.0] * 20)
    judged = np.array([1.0] * 620 + [0.0] * 380)
    found = rogan_gladen(judged, np.arange(1_000), label, verdict)
    assert found.value == pytest.approx((0.62 + 0.8 - 1) / (0.9 + 0.8 - 1))
    assert found.interval[0] < found.value < found.interval[1]


def test_power_tuning_is_never_wider_than_the_labels_alone():
    random = np.random.default_rng(6)
    label, verdict, judged = simulated(random, hit=0.95, miss=0.95)
    ids = np.arange(len(judged))
    found = prediction_powered(label, verdict, ids[:300], judged[300:], ids[300:])
    assert found.estimate.se < 0.8 * np.std(label, ddof=1) / np.sqrt(300)
    assert found.weight == pytest.approx(0.72, abs=0.1)  # cov / var / (1 + n/N)


def test_without_other_items_it_is_the_mean_of_the_labels():
    label, verdict, _ = simulated(np.random.default_rng(1), labelled=50)
    none = np.zeros(0)
    found = prediction_powered(label, verdict, np.arange(50), none, none.astype(np.int64))
    assert found.estimate.value == pytest.approx(label.mean())
    assert found.weight == 0


def test_refuses_an_uninformative_judge_and_too_few_labels():
    random = np.random.default_rng(2)
    label, verdict, judged = simulated(random, hit=0.5, miss=0.5)
    ids = np.arange(len(judged))
    assert "not informative" in rogan_gladen(judged, ids, label, verdict).unknown
    assert "at least 10" in rogan_gladen(judged, ids, label[:5], verdict[:5]).unknown
    assert "the same model" in rogan_gladen(judged, ids, np.ones(20), verdict[:20]).unknown
    few = prediction_powered(label[:5], verdict[:5], ids[:5], judged, ids)
    assert (few.estimate.value, few.weight) == (None, None)
