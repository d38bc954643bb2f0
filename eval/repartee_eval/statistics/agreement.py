"""How far raters agree beyond chance. A rating is a code 0, 1 or 2 of one rater for one unit.

Who rated does not enter alpha, Fleiss' kappa and pair agreement: they are functions of the table of counts,
units by answers.
"""

import numpy as np
import pandas as pd
from evalica import alpha as krippendorff_alpha
from numpy.typing import NDArray
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss_kappa

Codes = NDArray[np.int64]
ANSWERS = 3


def count_table(unit: Codes, rating: Codes, units: int) -> Codes:
    """Return how often each unit got each answer, shape (units, 3)."""
    return np.bincount(unit * ANSWERS + rating, minlength=units * ANSWERS).reshape(units, ANSWERS)


def alpha(table: Codes) -> float | None:
    """Return Krippendorff's alpha for nominal answers; None without two ratings of one unit.

    Units with the same counts are alike to it. Where all ratings are the same answer it is None: there
    is no disagreement to expect (evalica says 1).
    """
    rated = table[table.sum(axis=1) > 1]
    if not len(rated) or (rated.sum(axis=0) > 0).sum() < 2:
        return None
    width = int(rated.sum(axis=1).max())
    ratings = np.full((len(rated), width), np.nan)
    place = np.zeros(len(rated), np.int64)
    for answer in range(ANSWERS):
        counts = rated[:, answer]
        rows = np.repeat(np.arange(len(rated)), counts)
        offsets = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        ratings[rows, place[rows] + offsets] = answer
        place += counts
    return float(krippendorff_alpha(pd.DataFrame(ratings.T)).alpha)


def fleiss_kappa(table: Codes) -> float | None:
    """Return Fleiss' kappa over the units with the most frequent number of ratings; None where undefined.

    It needs the same number of ratings of each unit, two or more.
    """
    ratings = table.sum(axis=1)
    if not (ratings > 1).any():
        return None
    usual = int(np.bincount(ratings[ratings > 1]).argmax())
    chosen = table[ratings == usual]
    if (chosen.sum(axis=0) > 0).sum() < 2:
        return None
    return float(statsmodels_fleiss_kappa(chosen))


def pair_agreement(table: Codes) -> tuple[float | None, int]:
    """Return the share of pairs of ratings of one unit that are the same, and the number of pairs."""
    total = table.sum(axis=1)
    pairs = int((total * (total - 1) // 2).sum())
    same = int((table * (table - 1) // 2).sum())
    return (same / pairs if pairs else None), pairs
