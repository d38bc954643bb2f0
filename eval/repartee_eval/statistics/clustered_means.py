"""Means of scores from 0 to 1 whose observations come in clusters, with intervals and tests.

The standard error is the cluster-robust one of a mean (Miller, Adding error bars to evals, arXiv 2411.00640,
section 2.2; CR1 of Cameron and Miller, 2015): with residuals summed to u_g over cluster g,
se² = G / (G - 1) · sum u_g² / n². With every observation a cluster of its own it is sd(ddof=1) / √n.
Intervals take the t quantile with G - 1 degrees of freedom and are cut to [0, 1].

A standard error of 0, or one cluster, cannot tell how much the scores could vary. Then the interval is
Wilson's score interval (1927) of the same mean with n = G: as if each cluster were one observation. It is
wide and never has width 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from repartee_eval.statistics.estimate import Estimate, no_estimate

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

T_METHOD: Final = "cluster-robust t, G - 1 degrees of freedom"
WILSON_METHOD: Final = "Wilson score, one observation per cluster"
NO_METHOD: Final = "none"


@dataclass(frozen=True, slots=True)
class GroupedMeans:
    """Means of many groups at once; each field has one number per group. NaN in a group without scores.

    `se` is NaN where there is one cluster. `degenerate` marks groups whose inference is Wilson's.
    """

    n: Codes
    clusters: Codes
    mean: Floats
    se: Floats
    degenerate: NDArray[np.bool_]

    def bounds(self, confidence: float) -> tuple[Floats, Floats]:
        """Return the lower and the upper bound, each one-sided at this confidence; [0, 1] at the widest."""
        z = float(special.ndtri(confidence))
        low, high = _wilson(self.mean, self.clusters, z)
        sound = ~self.degenerate
        quantile = special.stdtrit(np.maximum(self.clusters - 1, 1), confidence)
        spread = quantile[sound] * self.se[sound]
        low[sound] = np.maximum(self.mean[sound] - spread, 0.0)
        high[sound] = np.minimum(self.mean[sound] + spread, 1.0)
        return low, high

    def p_above(self, null: float) -> Floats:
        """Return the one-sided p value of a mean of `null` or less, against more."""
        freedom, statistic = self._statistic(null)
        return _below(freedom, -statistic)

    def p_differs(self, null: float) -> Floats:
        """Return the two-sided p value of a mean of `null`."""
        freedom, statistic = self._statistic(null)
        return 2.0 * _below(freedom, -np.abs(statistic))

    def _statistic(self, null: float) -> tuple[Floats, Floats]:
        """Return degrees of freedom and the test statistic; the score test where the data do not vary."""
        freedom = np.where(self.degenerate, np.inf, np.maximum(self.clusters - 1, 1)).astype(float)
        score_se = np.sqrt(null * (1 - null) / np.maximum(self.clusters, 1))
        se = np.where(self.degenerate, score_se, self.se)
        return freedom, (self.mean - null) / se


def grouped_means(group: Codes, scores: Floats, cluster: Codes, groups: int) -> GroupedMeans:
    """Return the mean of each of `groups` groups. Arrays have one entry per observation."""
    n = np.bincount(group, minlength=groups)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(group, weights=scores, minlength=groups) / n
    width = int(cluster.max(initial=0)) + 1
    keys, inverse = np.unique(group * width + cluster, return_inverse=True)
    residuals = np.bincount(inverse, weights=scores - mean[group], minlength=len(keys))
    clusters = np.bincount(keys // width, minlength=groups)
    squares = np.bincount(keys // width, weights=residuals**2, minlength=groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        se = np.sqrt(squares * clusters / (clusters - 1)) / n
    se = np.where((clusters > 1) & np.isfinite(se), se, np.nan)
    return GroupedMeans(n, clusters, mean, se, ~(se > 1e-12))


def clustered_mean(
    scores: Sequence[float] | Floats, clusters: Sequence[object] | Codes, *, level: float = 0.95
) -> Estimate:
    """Return the mean of scores in [0, 1] with its two-sided interval. `clusters` has one name per score."""
    values = np.asarray(scores, np.float64)
    if not len(values):
        return no_estimate("no data", level=level)
    codes = _codes(clusters)
    return estimates(grouped_means(np.zeros(len(values), np.int64), values, codes, 1), level)[0]


def estimates(means: GroupedMeans, level: float) -> list[Estimate]:
    """Return one estimate per group, two-sided at the level."""
    low, high = means.bounds((1 + level) / 2)
    return [_estimate(means, number, low[number], high[number], level) for number in range(len(means.n))]


def _estimate(means: GroupedMeans, number: int, low: float, high: float, level: float) -> Estimate:
    n, clusters = int(means.n[number]), int(means.clusters[number])
    if not n:
        return no_estimate("no data", level=level)
    degenerate = bool(means.degenerate[number])
    se = None if clusters < 2 else float(means.se[number])
    method = WILSON_METHOD if degenerate else T_METHOD
    return Estimate(float(means.mean[number]), se, (float(low), float(high)), n, clusters, method, level)


def _codes(clusters: Sequence[object] | Codes) -> Codes:
    """Return codes from 0 for the clusters' names."""
    if isinstance(clusters, np.ndarray):
        return np.unique(clusters, return_inverse=True)[1].astype(np.int64)
    found: dict[object, int] = {}
    return np.array([found.setdefault(one, len(found)) for one in clusters], np.int64)


def _below(freedom: Floats, statistic: Floats) -> Floats:
    """Return the t distribution's share below; the normal one's where the degrees of freedom are infinite."""
    return np.asarray(special.stdtr(freedom, statistic), np.float64)


def _wilson(mean: Floats, n: Codes, z: float) -> tuple[Floats, Floats]:
    """Return Wilson's bounds of a mean of n observations."""
    count = np.maximum(n, 1)
    middle = (mean + z**2 / (2 * count)) / (1 + z**2 / count)
    spread = np.abs(z) / (1 + z**2 / count) * np.sqrt(mean * (1 - mean) / count + z**2 / (4 * count**2))
    return np.clip(middle - spread, 0.0, 1.0), np.clip(middle + spread, 0.0, 1.0)
