"""How well one set of answers predicts another: codes 0 (a), 1 (b), 2 (tie), as scikit-learn measures it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ClassMeasures:
    """Measures of one answer."""

    code: int
    precision: float
    recall: float
    f1: float
    support: int
    predicted: int


@dataclass(frozen=True, slots=True)
class Classification:
    """Measures over all answers; macro averages are over the answers that occur as label or prediction."""

    n: int
    accuracy: float
    precision: float
    recall: float
    f1: float
    kappa: float | None
    classes: tuple[ClassMeasures, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Shape (3, 3): label, then prediction."""


def classify(label: Codes, predicted: Codes) -> Classification | None:
    """Return the measures, one entry per item; None without items. A division by zero counts as 0."""
    if not len(label):
        return None
    table = np.bincount(label * 3 + predicted, minlength=9).reshape(3, 3)
    codes = np.flatnonzero(table.sum(axis=0) + table.sum(axis=1))
    parts = precision_recall_fscore_support(label, predicted, labels=codes, zero_division=0)
    precision, recall, f1, _ = (np.asarray(part, np.float64) for part in parts)
    classes = tuple(
        ClassMeasures(int(code), *values, int(table[code].sum()), int(table[:, code].sum()))
        for code, values in zip(
            codes, zip(precision.tolist(), recall.tolist(), f1.tolist(), strict=True), strict=True
        )
    )
    means = float(precision.mean()), float(recall.mean()), float(f1.mean())
    accuracy = float(np.trace(table)) / len(label)
    counts = tuple(tuple(row) for row in table.tolist())
    return Classification(len(label), accuracy, *means, cohen_kappa(table), classes, counts)


def cohen_kappa(table: Codes) -> float | None:
    """Return Cohen's kappa (1960) of a table of counts; None where agreement by chance is certain."""
    shares = table / table.sum()
    chance = float(shares.sum(axis=0) @ shares.sum(axis=1))
    return None if chance >= 1 else (float(np.trace(shares)) - chance) / (1 - chance)
