"""An interval for a mean that holds at every moment: look as often as you like, and stop when you like.

The hedged capital confidence sequence of Waudby-Smith and Ramdas (Estimating means of bounded random
variables by betting, JRSS B 86(1), 2024, theorem 3, with predictable plug-in bets and c = 1/2). By
Ville's inequality the true mean is outside at any time with probability alpha at most. It needs values in
[0, 1] whose mean, given those before, is the same: cluster means in an order that does not depend on them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import log
from typing import Final, Literal

import numpy as np

METHOD: Final = "hedged capital confidence sequence (Waudby-Smith and Ramdas 2024)"
GRID: Final = 1_000
_CUT: Final = 0.5

Stop = Literal["ship", "futility", "continue"]


@dataclass(frozen=True, slots=True)
class AnytimeInterval:
    """The interval after n values: all of the mean's values that no bet has refuted so far."""

    n: int
    mean: float | None
    interval: tuple[float, float]
    alpha: float
    method: str = METHOD


class ConfidenceSequence:
    """Values come one by one; `interval` may be read after any of them. Not frozen: it is the state of a run.

    The mean is looked for on a grid of step 1 / `grid`; the interval is rounded outwards to it.
    """

    def __init__(self, alpha: float = 0.05, grid: int = GRID) -> None:
        if not 0 < alpha < 1:
            raise ValueError(f"alpha is {alpha}: give a number above 0 and below 1")
        self._alpha = alpha
        self._means = np.linspace(0.0, 1.0, grid + 1)
        self._up = np.zeros(grid + 1)  # logarithms of the capital that bets on a greater mean, and a smaller
        self._down = np.zeros(grid + 1)
        self._alive = np.ones(grid + 1, np.bool_)
        self._n = 0
        self._sum = 0.0
        self._squares = 0.25

    def update(self, value: float) -> None:
        """Take the next value, from 0 to 1."""
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{value} is not between 0 and 1")
        with np.errstate(divide="ignore"):
            up = np.minimum(self._bet(), _CUT / self._means)
            down = np.minimum(self._bet(), _CUT / (1.0 - self._means))
        self._up += np.log1p(up * (value - self._means))
        self._down += np.log1p(-down * (value - self._means))
        self._alive &= np.maximum(self._up, self._down) + log(0.5) < log(1 / self._alpha)
        self._n += 1
        self._sum += float(value)
        self._squares += (value - (0.5 + self._sum) / (self._n + 1)) ** 2

    def _bet(self) -> float:
        """Return the size of the next bet, from what came before it only."""
        step = self._n + 1
        variance = self._squares / step
        return float(np.sqrt(2 * log(2 / self._alpha) / (variance * step * log(step + 1))))

    @property
    def interval(self) -> AnytimeInterval:
        """The interval now; the mean alone where every value is refuted (probability alpha at most)."""
        mean = self._sum / self._n if self._n else None
        alive = np.flatnonzero(self._alive)
        if not len(alive):
            point = 0.5 if mean is None else mean
            return AnytimeInterval(self._n, mean, (point, point), self._alpha)
        low = self._means[max(alive[0] - 1, 0)]
        high = self._means[min(alive[-1] + 1, len(self._means) - 1)]
        return AnytimeInterval(self._n, mean, (float(low), float(high)), self._alpha)


def confidence_sequence(values: Iterable[float], alpha: float = 0.05) -> tuple[AnytimeInterval, ...]:
    """Return the interval after each of the values, which are cluster means from 0 to 1."""
    sequence = ConfidenceSequence(alpha)
    found = []
    for value in values:
        sequence.update(value)
        found.append(sequence.interval)
    return tuple(found)


def stop(now: AnytimeInterval, *, null: float = 0.5, least_effect: float = 0.0) -> Stop:
    """Return whether to go on: `ship` when the mean is above `null`, `futility` when it cannot be worth it.

    Futile is an interval that ends at `null` + `least_effect` or below. For non-inferiority give
    1/2 - margin as `null`. Over k criteria give each sequence alpha / k.
    """
    low, high = now.interval
    if low > null:
        return "ship"
    return "futility" if high <= null + least_effect and now.n else "continue"
