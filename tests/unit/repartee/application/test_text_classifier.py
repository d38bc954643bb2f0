"""Features and levels of the classifier that labels messages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repartee.application.text_classifier import Label, RunFeatures, TextClassifier, levels_of

FEATURES = RunFeatures(shortest=2, longest=3, buckets_log2=12, max_characters=200)


def classifier(weights: np.ndarray) -> TextClassifier:
    labels = (Label("hate", "mild", 0.5), Label("violence", "mild", 0.4), Label("violence", "severe", 0.7))
    bias, idf = np.zeros(3, np.float32), np.ones(FEATURES.buckets, np.float32)
    return TextClassifier("linear-test", FEATURES, labels, weights, bias, idf)


def test_case_and_white_space_say_nothing() -> None:
    for one, other in (("Ab  c\n", "ab c"), ("УБЬЮ", "убью")):
        np.testing.assert_array_equal(FEATURES.counts(one)[0], FEATURES.counts(other)[0])


def test_a_run_that_comes_twice_counts_more_than_once() -> None:
    buckets, values = FEATURES.counts("xyxyxy")
    once = dict(zip(*FEATURES.counts("xy"), strict=True))
    assert values.max() == pytest.approx(1 + np.log(3))
    assert set(once) <= {*buckets.tolist(), *FEATURES.counts("y ")[0].tolist()}


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    long = "ab" * 100
    np.testing.assert_array_equal(FEATURES.counts(long)[1], FEATURES.counts(long + "zzz")[1])


@given(st.text(max_size=300))
def test_any_text_has_finite_scores(text: str) -> None:
    weights = np.random.default_rng(0).normal(size=(3, FEATURES.buckets)).astype(np.float32)
    scores = classifier(weights).scores(text)
    assert scores.shape == (3,)
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize(
    ("scores", "level"),
    [
        ((0.0, 0.3, 0.9), "none"),
        ((0.0, 0.5, 0.6), "mild"),
        ((0.0, 0.5, 0.8), "severe"),
        ((0.9, 0.4, 0.9), "none"),
    ],
)
def test_severe_counts_only_where_the_tag_is_raised(scores: tuple[float, ...], level: str) -> None:
    labels = classifier(np.zeros((3, FEATURES.buckets), np.float32)).labels
    found = levels_of(labels, np.array(scores, np.float32))
    assert found["violence"].level == level
    assert list(found) == ["hate", "violence"]
