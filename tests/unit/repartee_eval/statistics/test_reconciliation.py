import numpy as np
import pytest

from repartee_eval.statistics.reconciliation import FLIP, TIE, A, B, reconcile


def one(*rows, probability=None):
    """Reconcile rows of (judge, order, verdict) about one item."""
    judge, order, verdict = (np.array(column) for column in zip(*rows, strict=True))
    weights = None if probability is None else np.array(probability, float)
    found = reconcile(np.zeros(len(rows), np.int64), judge, order, verdict, weights)[2]
    return int(found.outcome[0]), float(found.score[0])


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        (A, A, (A, 0)),
        (B, B, (B, 1)),
        (TIE, TIE, (TIE, 0.5)),
        (A, B, (FLIP, 0.5)),
        (B, A, (FLIP, 0.5)),
        (A, TIE, (FLIP, 0.5)),
        (TIE, B, (FLIP, 0.5)),
    ],
)
def test_two_orders_count_once_and_a_difference_is_a_flip(first, second, outcome):
    assert one((0, 0, first), (0, 1, second)) == outcome


def test_an_order_alone_counts_as_it_is():
    assert one((0, 0, B)) == (B, 1)
    assert one((0, 2, A)) == (A, 0)


def test_repeats_are_one_verdict_before_the_orders_are_compared():
    assert one((0, 0, B), (0, 0, B), (0, 0, A), (0, 1, B)) == (B, 1)
    assert one((0, 0, B), (0, 0, A), (0, 1, B)) == (FLIP, 0.5)  # no plurality is a tie, and that differs


def test_the_jury_is_the_strict_plurality_of_its_judges():
    assert one((0, 0, B), (1, 0, B), (2, 0, A)) == (B, 1)
    assert one((0, 0, B), (1, 0, A)) == (TIE, 0.5)
    assert one((0, 0, A), (0, 1, B), (1, 0, B), (1, 1, B), (2, 0, B)) == (B, 1)


def test_probabilities_are_averaged_over_repeats_then_orders_then_judges():
    rows = ((0, 0, B), (0, 0, B), (0, 1, A), (1, 0, B))
    assert one(*rows, probability=[0.6, 0.8, 0.1, 1.0])[1] == pytest.approx(((0.7 + 0.1) / 2 + 1.0) / 2)
