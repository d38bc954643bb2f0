"""Rankings of many models from pairwise verdicts by every method of evalica, with its defaults.

Ties count one half. All methods but Elo see the number of wins and ties of each pair only, so they are given
each distinct (x, y, outcome) once with its count. Elo depends on the order of the verdicts and gets them all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import evalica
import numpy as np
import pandas as pd
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]

METHODS: Final = ("average_win_rate", "counting", "elo", "eigen", "pagerank", "newman", "bradley_terry")
MOST_MODELS: Final = 500
"""Above it only the methods without an iteration over all pairs of models are computed."""
_CHEAP: Final = ("counting", "elo")
_ITERATED: Final = ("newman", "bradley_terry")
"""Whose fit can fail to exist. Eigen and PageRank always end at the limit, with published scores, too."""
_WINNERS: Final = (evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw)
_FITTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "average_win_rate": evalica.average_win_rate,
    "counting": evalica.counting,
    "eigen": evalica.eigen,
    "pagerank": evalica.pagerank,
    "newman": evalica.newman,
    "bradley_terry": evalica.bradley_terry,
}


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one method, one per model. `converged` is False where it hit the limit of iterations.

    `scores` are the library's, but Bradley-Terry's are divided by their sum; `raw` are the library's own.
    """

    method: str
    scores: Floats
    raw: Floats
    n: int
    converged: bool = True


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Distinct comparisons: x and y are models, the outcome is 0 x wins, 1 y wins, 2 tie."""

    x: Codes
    y: Codes
    outcome: Codes
    weight: Floats
    models: int


def distinct(x: Codes, y: Codes, outcome: Codes, models: int) -> tuple[Comparisons, Codes]:
    """Return the distinct comparisons with their counts, and for each verdict which of them it is.

    Neither depends on which model of a pair is x: a comparison and its mirror are one.
    """
    swapped = x > y
    low, high = np.where(swapped, y, x), np.where(swapped, x, y)
    seen = np.where(swapped & (outcome < 2), 1 - outcome, outcome)
    keys, inverse, counts = np.unique(
        (low * models + high) * 3 + seen, return_inverse=True, return_counts=True
    )
    pair = keys // 3
    found = Comparisons(pair // models, pair % models, keys % 3, counts.astype(np.float64), models)
    return found, inverse


def rank(x: Codes, y: Codes, outcome: Codes, models: int) -> tuple[Scores, ...]:
    """Return the scores by each method, in the order of METHODS. Verdicts are in the order they were made."""
    if not len(x):
        return ()
    cells, _ = distinct(x, y, outcome, models)
    methods = METHODS if models <= MOST_MODELS else _CHEAP
    found = []
    for method in METHODS:
        if method not in methods:
            continue
        found.append(_elo(x, y, outcome, models) if method == "elo" else fit(method, cells, cells.weight))
    return tuple(found)


def fit(method: str, cells: Comparisons, weight: Floats) -> Scores:
    """Return one method's scores with other counts of the same comparisons."""
    used = weight > 0
    result = _FITTERS[method](
        cells.x[used].tolist(),
        cells.y[used].tolist(),
        [_WINNERS[one] for one in cells.outcome[used].tolist()],
        index=_index(cells.models),
        weights=weight[used].tolist(),
    )
    raw = result.scores.sort_index().to_numpy(np.float64)
    scores = raw / raw.sum() if method == "bradley_terry" and raw.sum() > 0 else raw
    converged = method not in _ITERATED or result.iterations < result.limit
    return Scores(method, scores, raw, int(weight.sum()), converged)


def _elo(x: Codes, y: Codes, outcome: Codes, models: int) -> Scores:
    """Return Elo with start 1000, k 4, scale 400 and base 10, evalica's defaults."""
    winners = [_WINNERS[one] for one in outcome.tolist()]
    raw = (
        evalica.elo(x.tolist(), y.tolist(), winners, index=_index(models))
        .scores.sort_index()
        .to_numpy(np.float64)
    )
    return Scores("elo", raw, raw, len(x))


def _index(models: int) -> pd.RangeIndex:
    """Return the codes of all models as pandas wants them."""
    return pd.RangeIndex(models)
