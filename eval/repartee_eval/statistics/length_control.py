"""The win rate at equal length: a logistic regression of the score on the difference of lengths.

logit P(B) = β0 + β1 · tanh((len_b - len_a) / sd), after AlpacaEval's length-controlled win rate (Dubois et
al., arXiv 2404.04475), without its terms for single instructions: the prediction at a difference of 0 is
1 / (1 + exp(-β0)). Scores may be fractions (quasi-binomial); covariances are cluster-robust and intervals
take the t quantile with G - 1 degrees of freedom.
"""

import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM

from repartee_eval.statistics.estimate import Estimate, no_estimate

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

METHOD: Final = "binomial GLM on tanh(difference / sd), cluster-robust"
LEAST_CLUSTERS: Final = 10
_LARGEST: Final = 15.0
"""A coefficient beyond it on the logit scale is one on its way to infinity."""


@dataclass(frozen=True, slots=True)
class LengthFit:
    """The win rate at equal length and the slope, with its two-sided p value; or the reason for no fit."""

    win_rate: Estimate
    slope: Estimate
    p_value: float | None
    reason: str | None = None


def length_controlled(scores: Floats, difference: Floats, clusters: Codes, *, level: float) -> LengthFit:
    """Fit the scores of B on len_b - len_a. Arrays have one entry per item."""
    return length_slope(scores, difference, clusters, np.ones((len(scores), 1)), level=level)


def length_slope(
    scores: Floats, difference: Floats, clusters: Codes, design: Floats, *, level: float
) -> LengthFit:
    """Fit with other columns beside the length, such as +1 for model B and -1 for model A of each item.

    The win rate is the prediction at the first column alone: meaningful when that is the intercept.
    """
    reason = _obstacle(scores, difference, clusters)
    if reason:
        return _unfitted(reason, level)
    covariate = np.tanh(difference / difference.std())
    try:
        fit = _fit(scores, np.column_stack([covariate, design]), clusters)
    except (Warning, np.linalg.LinAlgError, ValueError):
        return _unfitted("the fit did not converge", level)
    if np.abs(fit.params[:2]).max() > _LARGEST:
        return _unfitted("the scores are separated: no finite fit", level)
    return _summary(fit, len(scores), len(np.unique(clusters)), level)


def _obstacle(scores: Floats, difference: Floats, clusters: Codes) -> str | None:
    count = len(np.unique(clusters))
    if count < LEAST_CLUSTERS:
        return f"{count} clusters with lengths, at least {LEAST_CLUSTERS} are needed"
    if np.ptp(difference) == 0:
        return "the difference of lengths is the same everywhere"
    if np.ptp(scores) == 0:
        return "all scores are the same"
    return None


def _fit(scores: Floats, design: Floats, clusters: Codes) -> "_Coefficients":
    """Return the first two coefficients. Raises Warning where statsmodels warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)
        found = GLM(scores, design, family=Binomial()).fit(
            cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": True}
        )
        errors = np.asarray(found.bse)
    values = np.asarray(found.params)
    if not (np.isfinite(values[:2]).all() and np.isfinite(errors[:2]).all() and (errors[:2] > 0).all()):
        raise ValueError("no finite fit")
    return _Coefficients(values, errors)


@dataclass(frozen=True, slots=True)
class _Coefficients:
    params: Floats
    errors: Floats


def _summary(fit: _Coefficients, n: int, clusters: int, level: float) -> LengthFit:
    slope, middle = fit.params[:2]
    slope_error, middle_error = fit.errors[:2]
    quantile = special.stdtrit(clusters - 1, (1 + level) / 2)
    rate = special.expit(middle)
    ends = special.expit([middle - quantile * middle_error, middle + quantile * middle_error])
    reach = quantile * slope_error
    return LengthFit(
        Estimate(
            float(rate),
            float(rate * (1 - rate) * middle_error),
            (float(ends[0]), float(ends[1])),
            n,
            clusters,
            METHOD,
            level,
        ),
        Estimate(
            float(slope),
            float(slope_error),
            (float(slope - reach), float(slope + reach)),
            n,
            clusters,
            METHOD,
            level,
        ),
        float(2 * special.stdtr(clusters - 1, -abs(slope / slope_error))),
    )


def _unfitted(reason: str, level: float) -> LengthFit:
    return LengthFit(no_estimate(reason, level=level), no_estimate(reason, level=level), None, reason)
