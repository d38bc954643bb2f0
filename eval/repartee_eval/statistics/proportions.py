"""Rates of rare events, exact."""

from dataclasses import dataclass

from scipy.stats import binomtest
from statsmodels.stats.proportion import confint_proportions_2indep


@dataclass(frozen=True, slots=True)
class Rate:
    """`hits` of `n` with a two-sided Clopper-Pearson interval (Clopper and Pearson, Biometrika 26, 1934).

    `rate` and `interval` are None where n is 0. 0 of n has the upper bound 1 - (alpha / 2) ** (1 / n).
    """

    hits: int
    n: int
    rate: float | None
    interval: tuple[float, float] | None
    level: float
    method: str = "Clopper-Pearson"


@dataclass(frozen=True, slots=True)
class RateDifference:
    """The second rate minus the first, with Newcombe's score interval (Statistics in Medicine 17, 1998)."""

    difference: float | None
    interval: tuple[float, float] | None
    level: float
    method: str = "Newcombe"


def rate_of(hits: int, n: int, level: float = 0.95) -> Rate:
    """Return the rate with its exact interval. Raises ValueError unless 0 <= hits <= n."""
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} hits of {n} are not possible")
    if n == 0:
        return Rate(0, 0, None, None, level)
    found = binomtest(hits, n).proportion_ci(level, method="exact")
    return Rate(hits, n, hits / n, (float(found.low), float(found.high)), level)


def rate_difference(first: Rate, second: Rate) -> RateDifference:
    """Return how much higher the second rate is; unknown where either has no observations."""
    if first.rate is None or second.rate is None:
        return RateDifference(None, None, first.level)
    low, high = confint_proportions_2indep(
        second.hits, second.n, first.hits, first.n, method="newcomb", compare="diff", alpha=1 - first.level
    )
    return RateDifference(second.rate - first.rate, (float(low), float(high)), first.level)
