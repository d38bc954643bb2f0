"""How sure a ratio is, where messages come in clusters: those of one user resemble each other.

Every measure here is a ratio of two sums over messages. A mean is one too: its denominators are 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

METHOD: Final = "two-stage cluster bootstrap, percentile: users with replacement, then messages within each"

Part = tuple[float, float]
"""One message's numerator and denominator."""

Unknown = Literal["no data", "one cluster", "no variation", "often undefined"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its interval. Bounds are None where nothing honest can be said, and `unknown` says why."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    clusters: int
    unknown: Unknown | None = None


def ratio(parts: Sequence[Part]) -> float | None:
    """Return the sum of numerators over the sum of denominators, or None where the latter is 0."""
    below = sum(denominator for _, denominator in parts)
    return sum(numerator for numerator, _ in parts) / below if below else None


def ratio_interval(
    clusters: Sequence[Sequence[Part]], *, seed: int, resamples: int = 2_000, level: float = 0.95
) -> Interval:
    """Return the ratio over all clusters with its percentile interval.

    One resample draws as many clusters as there are, with replacement, then from each drawn cluster as many
    messages as it has, with replacement (Davison and Hinkley, Bootstrap Methods and their Application, 1997,
    section 3.8). The same seed gives the same interval.

    `n` and `clusters` count what has a denominator. The bounds are unknown with `no data`, with `one cluster`
    (it cannot tell how much clusters differ), with `no variation`, when every resample gives the same value
    (0 of 20 is no proof of 0), and when the ratio is `often undefined`, in more than 1 - level of resamples.
    A few clusters that differ much give an interval that is too narrow: simulated, with rates 10 points
    around the truth, 86 % of the 95 % intervals of two held it and 92 % of those of four. Clusters that
    hardly differ give one that is a little too wide.
    """
    kept = [cluster for cluster in clusters if any(below for _, below in cluster)]
    n = sum(below != 0 for cluster in kept for _, below in cluster)
    value = ratio([part for cluster in kept for part in cluster])
    if len(kept) < 2:
        return Interval(value, None, None, n, len(kept), "one cluster" if kept else "no data")
    sums = _resampled(kept, np.random.default_rng(seed), resamples)
    defined = sums[sums[:, 1] != 0]
    return _percentiles(
        defined[:, 0] / defined[:, 1], Interval(value, None, None, n, len(kept)), resamples, level
    )


def difference_interval(
    clusters: Sequence[Sequence[tuple[Part, Part]]], *, seed: int, resamples: int = 2_000, level: float = 0.95
) -> Interval:
    """Return how much the second ratio is above the first, with its percentile interval.

    Each message carries its parts of both ratios, and a resample draws them together: what makes a message
    hard for both cancels out. Otherwise as `ratio_interval`; `n` counts what has a denominator in either.
    """
    kept = [cluster for cluster in clusters if any(one[1] or other[1] for one, other in cluster)]
    n = sum(one[1] != 0 or other[1] != 0 for cluster in kept for one, other in cluster)
    first = ratio([one for cluster in kept for one, _ in cluster])
    second = ratio([other for cluster in kept for _, other in cluster])
    value = None if first is None or second is None else second - first
    if len(kept) < 2:
        return Interval(value, None, None, n, len(kept), "one cluster" if kept else "no data")
    flat = [[(*one, *other) for one, other in cluster] for cluster in kept]
    sums = _resampled(flat, np.random.default_rng(seed), resamples)
    defined = sums[(sums[:, 1] != 0) & (sums[:, 3] != 0)]
    values = defined[:, 2] / defined[:, 3] - defined[:, 0] / defined[:, 1]
    return _percentiles(values, Interval(value, None, None, n, len(kept)), resamples, level)


def _percentiles(values: NDArray[np.float64], found: Interval, resamples: int, level: float) -> Interval:
    """Return the interval with its bounds, or with why it has none."""
    if len(values) < level * resamples:
        return replace(found, unknown="often undefined")
    if np.ptp(values) == 0:
        return replace(found, unknown="no variation")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return replace(found, low=float(low), high=float(high))


def _resampled(
    clusters: Sequence[Sequence[tuple[float, ...]]], random: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    """Return the sums of each resample, one row each."""
    drawn = random.integers(len(clusters), size=(resamples, len(clusters)))
    sums = np.zeros((resamples, len(clusters[0][0])))
    for number, cluster in enumerate(clusters):
        parts = np.array(cluster, np.float64)
        rows = np.repeat(np.arange(resamples), (drawn == number).sum(axis=1))  # once per time it was drawn
        chosen = random.integers(len(parts), size=(len(rows), len(parts)))
        np.add.at(sums, rows, parts[chosen].sum(axis=1))
    return sums
