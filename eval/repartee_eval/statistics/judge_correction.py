"""The win rate that people would give, from many verdicts of a judge and a few labels of people.

Labels and verdicts are half-tie scores of B in [0, 1]: a tie stands for a coin toss, so that shares of
(label = B) are sums of scores and all formulae for yes and no hold.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from repartee_eval.statistics.clustered_means import Codes, grouped_means
from repartee_eval.statistics.estimate import Estimate, no_estimate

Floats = NDArray[np.float64]

ROGAN_GLADEN: Final = "Rogan-Gladen with the interval of Lee et al., arXiv 2511.21140"
PPI: Final = "PPI++ mean, power-tuned, cluster-robust (arXiv 2311.01453)"
LEAST_LABELS: Final = 10


@dataclass(frozen=True, slots=True)
class PowerTuned:
    """The PPI++ estimate and the weight, 0 to 1, that it gives the judge."""

    estimate: Estimate
    weight: float | None


def rogan_gladen(
    judged: Floats, judged_clusters: Codes, label: Floats, verdict: Floats, *, level: float = 0.95
) -> Estimate:
    """Return the judge's win rate corrected for how often it is wrong in each direction.

    `judged` are the judge's scores of all items; `label` and `verdict` are the people's and the judge's
    scores of the labelled ones. θ = (p + q0 - 1) / (q0 + q1 - 1) with p the judge's win rate, q1 its
    sensitivity and q0 its specificity (Rogan and Gladen 1978). The interval is the adjusted one of Lang and
    Reiczigel (2014), as Lee et al. (2025) use it: p with z² added observations, q0 and q1 with two, and a
    correction of the bias of order 1/m; p's variance is the cluster-robust one where that is greater. It
    assumes that the judge errs on labelled items as on the rest.

    It refuses, with the reason, below 10 labels on items of either kind together, where one kind is missing,
    and where the judge is not informative: the lower bound of q0 + q1 - 1 is not above 0.
    """
    wins, losses = float(label.sum()), float((1 - label).sum())
    reason = _too_few(len(judged), len(label), wins, losses)
    if reason:
        return no_estimate(reason, level=level)
    z = float(special.ndtri((1 + level) / 2))
    raw_hit = float((label * verdict).sum()) / wins
    raw_miss = float(((1 - label) * (1 - verdict)).sum()) / losses
    rate = _Rate(*_added(raw_hit, wins, 1), *_added(raw_miss, losses, 1))
    spread = sqrt(rate.hit_variance + rate.miss_variance)
    if rate.information - z * spread <= 0:
        return no_estimate("the judge is not informative", level=level)
    value = (judged.mean() + raw_miss - 1) / (raw_hit + raw_miss - 1)
    return _corrected(float(np.clip(value, 0, 1)), judged, judged_clusters, rate, z, level)


@dataclass(frozen=True, slots=True)
class _Rate:
    """Sensitivity and specificity with two observations added, and how many there are then."""

    hit: float
    hit_n: float
    miss: float
    miss_n: float

    @property
    def information(self) -> float:
        return self.hit + self.miss - 1

    @property
    def hit_variance(self) -> float:
        return self.hit * (1 - self.hit) / self.hit_n

    @property
    def miss_variance(self) -> float:
        return self.miss * (1 - self.miss) / self.miss_n


def _corrected(
    value: float, judged: Floats, clusters: Codes, rate: _Rate, z: float, level: float
) -> Estimate:
    """Return the estimate with the adjusted interval around it."""
    found = grouped_means(np.zeros(len(judged), np.int64), judged, clusters, 1)
    mean, n = _added(float(judged.mean()), float(len(judged)), z**2 / 2)
    robust = float(found.se[0]) ** 2 if found.clusters[0] > 1 else 0.25
    variance = max(mean * (1 - mean) / n, robust)
    middle = float(np.clip((mean + rate.miss - 1) / rate.information, 0, 1))
    shift = 2 * z**2 * (middle * rate.hit_variance - (1 - middle) * rate.miss_variance)
    total = variance + (1 - middle) ** 2 * rate.miss_variance + middle**2 * rate.hit_variance
    error = sqrt(total) / rate.information
    ends = np.clip([middle + shift - z * error, middle + shift + z * error], 0, 1)
    interval = (min(float(ends[0]), value), max(float(ends[1]), value))
    return Estimate(value, error, interval, len(judged), int(found.clusters[0]), ROGAN_GLADEN, level)


def _added(share: float, n: float, each: float) -> tuple[float, float]:
    """Return a share and its n with `each` observations added to either side."""
    return (share * n + each) / (n + 2 * each), n + 2 * each


def _too_few(judged: int, labelled: int, wins: float, losses: float) -> str | None:
    if not judged or labelled < LEAST_LABELS:
        return f"{labelled} labelled items with a verdict, at least {LEAST_LABELS} are needed"
    if min(wins, losses) < 1:
        return "people prefer the same model on all labelled items"
    return None


def prediction_powered(
    label: Floats,
    verdict: Floats,
    label_clusters: Codes,
    unlabelled: Floats,
    unlabelled_clusters: Codes,
    *,
    level: float = 0.95,
) -> PowerTuned:
    """Return the mean label over all items, with the judge's scores making the interval shorter.

    θ = λ · mean(unlabelled) + mean(label - λ · verdict); `verdict` and `unlabelled` are the judge's scores of
    the labelled and of the other items. λ = cov(label, verdict) / ((1 + n/N) var(verdict)), cut to [0, 1]
    (Angelopoulos, Duchi and Zrnic, PPI++, 2023). It needs no assumption about the judge, only that the
    labelled items are a random part of all. Variances are cluster-robust, quantiles are t with G - 1
    degrees of freedom of the labelled items.
    """
    n = len(label)
    if n < LEAST_LABELS:
        reason = f"{n} labelled items with a verdict, at least {LEAST_LABELS} are needed"
        return PowerTuned(no_estimate(reason, level=level), None)
    weight = _weight(label, verdict, len(unlabelled))
    rest = _one_group(label - weight * verdict, label_clusters)
    value, variance = rest[0], rest[1]
    if weight and len(unlabelled):
        mean, spread = _one_group(unlabelled, unlabelled_clusters)[:2]
        value, variance = value + weight * mean, variance + weight**2 * spread
    clusters = rest[2]
    if not (np.isfinite(variance) and variance > 0):
        return PowerTuned(no_estimate("the labels do not vary, or are one cluster", level=level), weight)
    error = sqrt(variance)
    reach = float(special.stdtrit(clusters - 1, (1 + level) / 2)) * error
    interval = (max(value - reach, 0.0), min(value + reach, 1.0))
    total = n + len(unlabelled)
    bounded = float(np.clip(value, 0, 1))
    return PowerTuned(Estimate(bounded, error, _ordered(interval), total, clusters, PPI, level), weight)


def _ordered(interval: tuple[float, float]) -> tuple[float, float]:
    """Return the interval within [0, 1], also where the estimate lies outside."""
    return min(interval[0], 1.0), max(interval[1], 0.0)


def _weight(label: Floats, verdict: Floats, unlabelled: int) -> float:
    variance = float(np.var(verdict, ddof=1))
    if not unlabelled or variance <= 1e-12:
        return 0.0
    covariance = float(np.cov(label, verdict)[0, 1])
    return float(np.clip(covariance / ((1 + len(label) / unlabelled) * variance), 0, 1))


def _one_group(values: Floats, clusters: Codes) -> tuple[float, float, int]:
    """Return mean, variance of the mean and number of clusters."""
    found = grouped_means(np.zeros(len(values), np.int64), values, clusters, 1)
    return float(found.mean[0]), float(found.se[0]) ** 2, int(found.clusters[0])
