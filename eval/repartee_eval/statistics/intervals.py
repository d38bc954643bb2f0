"""How sure a ratio is, where messages come in clusters: those of one user resemble each other.

Every measure here is a ratio of two sums over messages. A mean is one too: its denominators are 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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
    values = defined[:, 0] / defined[:, 1]
    if len(values) < level * resamples:
        return Interval(value, None, None, n, len(kept), "often undefined")
    if np.ptp(values) == 0:
        return Interval(value, None, None, n, len(kept), "no variation")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), n, len(kept))


def _resampled(
    clusters: Sequence[Sequence[Part]], random: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    """Return the two sums of each resample, one row each."""
    drawn = random.integers(len(clusters), size=(resamples, len(clusters)))
    sums = np.zeros((resamples, 2))
    for number, cluster in enumerate(clusters):
        parts = np.array(cluster, np.float64)
        rows = np.repeat(np.arange(resamples), (drawn == number).sum(axis=1))  # once per time it was drawn
        chosen = random.integers(len(parts), size=(len(rows), len(parts)))
        np.add.at(sums, rows, parts[chosen].sum(axis=1))
    return sums
