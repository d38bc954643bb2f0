"""One estimated number with all that is needed to judge it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, its standard error and its interval.

    `n` observations in `clusters` independent groups. `method` names the interval's method and `seed` what
    it drew with, where it drew. Where something is None, `unknown` says why.
    """

    value: float | None
    se: float | None
    interval: tuple[float, float] | None
    n: int
    clusters: int
    method: str
    level: float = 0.95
    seed: int | None = None
    unknown: str | None = None


def no_estimate(why: str, *, level: float = 0.95) -> Estimate:
    """Return the estimate of something that nothing is known about."""
    return Estimate(None, None, None, 0, 0, "none", level, None, why)
