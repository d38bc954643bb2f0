"""Which places in the ranking the data leave open to each model.

Scores are Newman's (Bradley-Terry with ties, JMLR 24, 2023). Clusters are drawn with replacement; each draw
is a refit with other counts of the same comparisons. The places are the marginal confidence sets of Mogstad,
Romano, Shaikh and Wilhelm (Inference for ranks, Review of Economic Studies 91, 2024): for one model,
intervals of the differences of its log score from all others together, from the quantile of the largest
studentised deviation. Its best place is 1 plus the number of models surely above it, its worst the number of
models minus those surely below.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from repartee_eval.statistics.pairwise_ranking import Comparisons, distinct, fit

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]

METHOD: Final = "cluster bootstrap of Newman's scores; places simultaneous over a model's differences"
MOST_MODELS: Final = 150
_LEAST_SCORE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class RankedSets:
    """Arrays with one entry per model, or the reason for none. `low` and `high` are percentiles."""

    log_score: Floats
    se: Floats
    low: Floats
    high: Floats
    best: Codes
    worst: Codes
    clusters: int
    reason: str | None = None


def rank_sets(
    x: Codes,
    y: Codes,
    outcome: Codes,
    cluster: Codes,
    models: int,
    *,
    seed: int,
    resamples: int,
    level: float,
) -> RankedSets:
    """Return the possible places. Arrays have one entry per verdict; the same seed gives the same result."""
    clusters = len(np.unique(cluster))
    reason = _obstacle(models, clusters, resamples)
    if reason:
        none = np.zeros(0)
        return RankedSets(
            none, none, none, none, np.zeros(0, np.int64), np.zeros(0, np.int64), clusters, reason
        )
    cells, inverse = distinct(x, y, outcome, models)
    middle = _log_scores(cells, cells.weight)
    drawn = _draws(cells, inverse, cluster, np.random.default_rng(seed), resamples)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    best, worst = _places(middle, drawn, level)
    return RankedSets(middle, drawn.std(axis=0, ddof=1), low, high, best, worst, clusters)


def _obstacle(models: int, clusters: int, resamples: int) -> str | None:
    if models < 3:
        return "fewer than three models: see the win rates"
    if models > MOST_MODELS:
        return f"{models} models: places are computed for {MOST_MODELS} at most"
    if clusters < 2:
        return "one cluster cannot tell how much clusters differ"
    return "fewer than 100 resamples" if resamples < 100 else None


def _log_scores(cells: Comparisons, weight: Floats) -> Floats:
    scores: Floats = np.log(np.maximum(fit("newman", cells, weight).raw, _LEAST_SCORE))
    return np.asarray(scores - scores.mean(), np.float64)


def _draws(
    cells: Comparisons, inverse: Codes, cluster: Codes, random: np.random.Generator, resamples: int
) -> Floats:
    """Return the log scores of each resample, shape (resamples, models)."""
    names, member = np.unique(cluster, return_inverse=True)
    ones = np.ones(len(inverse))
    counts = sparse.csr_array((ones, (member, inverse)), shape=(len(names), len(cells.weight)))
    found = np.empty((resamples, cells.models))
    for number in range(resamples):
        times = np.bincount(random.integers(len(names), size=len(names)), minlength=len(names))
        found[number] = _log_scores(cells, times @ counts)
    return found


def _places(middle: Floats, drawn: Floats, level: float) -> tuple[Codes, Codes]:
    """Return best and worst places, each model's from the simultaneous intervals of its differences."""
    difference = middle[:, None] - middle[None, :]
    centred = drawn - middle
    covariance = np.cov(drawn, rowvar=False)
    variance = np.diag(covariance)
    error = np.sqrt(np.maximum(variance[:, None] + variance[None, :] - 2 * covariance, 1e-18))
    np.fill_diagonal(error, np.inf)
    largest = [np.abs((one[:, None] - one[None, :]) / error).max(axis=1) for one in centred]
    reach = np.quantile(largest, level, axis=0)[:, None] * error
    np.fill_diagonal(reach, np.inf)
    above = (difference + reach < 0).sum(axis=1)
    below = (difference - reach > 0).sum(axis=1)
    return 1 + above, len(middle) - below
