"""How many items a comparison needs. Normal approximation (Fleiss, Levin and Paik 2003, chapter 4).

The half-tie score of an item is 1, 0 or, with chance t, 1/2: its variance at win rate w is w(1 - w) - t/4.
For a true rate w, a null w0, and quantiles z: n = ((z_alpha · sd0 + z_power · sd1) / (w - w0))². Items in
clusters of m with intra-cluster correlation ICC count less: n · (1 + (m - 1) ICC) (Kish 1965).
"""

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Final

from scipy import optimize, special

METHOD: Final = "normal approximation, design effect 1 + (m - 1) ICC"


@dataclass(frozen=True, slots=True)
class Design:
    """What a comparison is like. Over several criteria Holm's strictest step is used: alpha / criteria."""

    tie_share: float = 0.0
    alpha: float = 0.05
    power: float = 0.8
    criteria: int = 1
    cluster_size: float = 1.0
    icc: float = 0.0

    @property
    def effect(self) -> float:
        """The design effect."""
        return 1 + (self.cluster_size - 1) * self.icc


@dataclass(frozen=True, slots=True)
class SampleSize:
    """Items, and the clusters that hold them. `independent` items would do without clusters."""

    win_rate: float
    null: float
    items: int
    independent: int
    clusters: int
    design_effect: float
    method: str = METHOD


def superiority_size(win_rate: float, design: Design) -> SampleSize:
    """Return the items that show a win rate other than 1/2, two-sided. Raises ValueError where it is 1/2."""
    return _size(win_rate, 0.5, design.alpha / design.criteria / 2, design)


def non_inferiority_size(margin: float, design: Design, win_rate: float = 0.5) -> SampleSize:
    """Return the items that show a win rate above 1/2 - margin, one-sided, where it truly is `win_rate`.

    All criteria have to be non-inferior, so alpha is not divided over them.
    """
    if win_rate <= 0.5 - margin:
        raise ValueError(f"a win rate of {win_rate:g} is not above 1/2 - {margin:g}")
    return _size(win_rate, 0.5 - margin, design.alpha, design)


def detectable_effect(items: int, design: Design) -> float | None:
    """Return the least win rate above 1/2 that so many items show; None where not even the largest would."""
    most = 1 - design.tie_share / 2
    below = 0.5 + 1e-6
    wanted = float(items)
    alpha = design.alpha / design.criteria / 2
    if most <= below or _exact(most, 0.5, alpha, design) * design.effect > wanted:
        return None
    return float(
        optimize.brentq(lambda rate: _exact(rate, 0.5, alpha, design) * design.effect - wanted, below, most)
    )


def _size(win_rate: float, null: float, alpha: float, design: Design) -> SampleSize:
    if win_rate == null:
        raise ValueError(f"no number of items tells {win_rate:g} from itself")
    if not design.tie_share / 2 <= win_rate <= 1 - design.tie_share / 2:
        raise ValueError(f"with a tie share of {design.tie_share:g} the win rate cannot be {win_rate:g}")
    exact = _exact(win_rate, null, alpha, design)
    items = ceil(exact * design.effect)
    clusters = ceil(items / design.cluster_size)
    return SampleSize(win_rate, null, items, ceil(exact), clusters, design.effect)


def _exact(win_rate: float, null: float, alpha: float, design: Design) -> float:
    spread = -special.ndtri(alpha) * _sd(null, design.tie_share)
    spread += special.ndtri(design.power) * _sd(win_rate, design.tie_share)
    return float((spread / (win_rate - null)) ** 2)


def _sd(win_rate: float, tie_share: float) -> float:
    """Return the standard deviation of the half-tie score."""
    return sqrt(max(win_rate * (1 - win_rate) - tie_share / 4, 0.0))
