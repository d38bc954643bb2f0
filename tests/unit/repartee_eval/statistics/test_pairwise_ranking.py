import numpy as np
import pytest

from repartee_eval.statistics.pairwise_ranking import METHODS, MOST_MODELS, distinct, rank
from repartee_eval.statistics.rank_sets import rank_sets


def battles(strength, games, seed=0, ties=0.2):
    random = np.random.default_rng(seed)
    x = random.integers(0, len(strength), games)
    y = (x + random.integers(1, len(strength), games)) % len(strength)
    chance = 1 / (1 + np.exp(np.array(strength)[y] - np.array(strength)[x]))
    outcome = np.where(random.random(games) < ties, 2, (random.random(games) >= chance).astype(int))
    return x, y, outcome


def test_every_method_puts_clearly_different_models_in_order():
    x, y, outcome = battles([1.5, 0.0, -1.5], 3_000)
    found = rank(x, y, outcome, 3)
    assert tuple(one.method for one in found) == METHODS
    for one in found:
        if one.method not in {"eigen", "pagerank"}:  # these follow the sum of beaten strengths, not its odds
            assert one.scores.argsort().tolist() == [2, 1, 0]


def test_bradley_terry_of_two_models_is_the_odds():
    x, y, outcome = np.zeros(10, int), np.ones(10, int), np.array([0] * 7 + [1] * 2 + [2])
    bradley_terry = rank(x, y, outcome, 2)[-1]
    assert bradley_terry.scores == pytest.approx([0.75, 0.25], abs=1e-5)
    assert bradley_terry.raw[0] * bradley_terry.raw[1] == pytest.approx(1)  # geometric mean 1


def test_who_is_x_does_not_matter():
    x, y, outcome = battles([0.5, 0.0, -0.2, 0.1], 400, seed=3)
    mirrored = np.where(outcome < 2, 1 - outcome, 2)
    for one, other in zip(rank(x, y, outcome, 4), rank(y, x, mirrored, 4), strict=True):
        assert one.scores == pytest.approx(other.scores, rel=1e-9), one.method
    cells, inverse = distinct(np.append(x, y), np.append(y, x), np.append(outcome, mirrored), 4)
    assert cells.weight.sum() == 800
    assert (inverse[:400] == inverse[400:]).all()


def test_many_models_get_the_cheap_methods_only():
    models = MOST_MODELS + 1
    found = rank(np.arange(models - 1), np.arange(1, models), np.zeros(models - 1, int), models)
    assert [one.method for one in found] == ["counting", "elo"]


def test_no_verdicts_are_no_ranking():
    assert rank(*np.zeros((3, 0), int), 0) == ()


def test_places_hold_the_true_ones_and_part_models_that_differ():
    x, y, outcome = battles([1.2, 0.0, 0.0, -1.2], 1_200, seed=5)
    sets = rank_sets(x, y, outcome, np.arange(1_200) // 3, 4, seed=1, resamples=200, level=0.95)
    assert list(zip(sets.best.tolist(), sets.worst.tolist(), strict=True)) == [(1, 1), (2, 3), (2, 3), (4, 4)]
    assert sets.clusters == 400
    assert (sets.low < sets.log_score).all()


def test_places_are_the_same_for_the_same_seed():
    x, y, outcome = battles([0.3, 0.0, -0.3], 90, seed=6)
    one, two, other = (
        rank_sets(x, y, outcome, np.arange(90), 3, seed=seed, resamples=100, level=0.9) for seed in (1, 1, 2)
    )
    assert one.se.tolist() == two.se.tolist() != other.se.tolist()


@pytest.mark.parametrize(
    ("models", "cluster", "resamples", "why"),
    [(2, 10, 200, "fewer than three"), (3, 1, 200, "one cluster"), (3, 10, 50, "resamples")],
)
def test_says_why_there_are_no_places(models, cluster, resamples, why):
    x = np.arange(10) % models
    sets = rank_sets(
        x, (x + 1) % models, x * 0, np.arange(10) % cluster, models, seed=0, resamples=resamples, level=0.95
    )
    assert why in sets.reason
    assert not len(sets.best)
