"""Several verdicts on one item made one: repeated calls first, then the two orders, then the judges.

Verdicts are codes 0 (A), 1 (B) and 2 (tie); an outcome can also be 3 (flip).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]

A: Final = 0
B: Final = 1
TIE: Final = 2
FLIP: Final = 3
SCORES: Final = np.array([0.0, 1.0, 0.5, 0.5])
"""The half-tie score of each outcome."""
ORDERS: Final = 3
"""A first, B first, not known."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One outcome per key, keys ascending; `score` is the half-tie score or the mean probability of B."""

    key: Codes
    outcome: Codes
    score: Floats


def plurality(key: Codes, outcome: Codes) -> tuple[Codes, Codes]:
    """Return the distinct keys, ascending, and the strictly most frequent outcome of each, else a tie."""
    keys, inverse = np.unique(key, return_inverse=True)
    counts = np.bincount(inverse * 4 + outcome, minlength=4 * len(keys)).reshape(-1, 4)
    most = counts.max(axis=1, initial=0)
    strict = (counts == most[:, None]).sum(axis=1) == 1
    return keys, np.where(strict, counts.argmax(axis=1), TIE)


def over_orders(key: Codes, outcome: Codes, score: Floats) -> Outcomes:
    """Return the outcome of each key // 3, where key % 3 is the order: 0 A first, 1 B first, 2 not known.

    The keys are distinct. Orders that agree give their outcome. Known orders that differ in any way (A and
    B, or A and tie) are a flip: FastChat's rule for two games, which calls it a tie. A verdict of no known
    order that differs makes a tie. The score is the mean of the orders' scores.
    """
    keys, inverse = np.unique(key // ORDERS, return_inverse=True)
    table = np.full((len(keys), ORDERS), -1, np.int64)
    table[inverse, key % ORDERS] = outcome
    low = np.where(table < 0, FLIP + 1, table).min(axis=1, initial=FLIP + 1)
    high = table.max(axis=1, initial=-1)
    both = (table[:, 0] >= 0) & (table[:, 1] >= 0) & (table[:, 0] != table[:, 1])
    found = np.where(both, FLIP, np.where(low == high, high, TIE))
    sums = np.bincount(inverse, weights=score, minlength=len(keys))
    return Outcomes(keys, found, sums / np.bincount(inverse, minlength=len(keys)))


def reconcile(
    unit: Codes, judge: Codes, order: Codes, verdict: Codes, probability: Floats | None = None
) -> tuple[Outcomes, Outcomes, Outcomes]:
    """Return the outcomes per (unit, judge, order), per (unit, judge) and per unit.

    Keys are unit · judges · 3 + judge · 3 + order, unit · judges + judge, and unit. Where repeats, or judges,
    have no strict plurality the outcome is a tie. With probabilities of B the scores are means of them, each
    order and then each judge counting the same; otherwise half-tie scores of the outcomes.
    """
    judges = int(judge.max(initial=0)) + 1
    key = (unit * judges + judge) * ORDERS + order
    slots, slot_outcome = plurality(key, verdict)
    by_order = Outcomes(slots, slot_outcome, _scores(key, slot_outcome, probability))
    by_judge = over_orders(slots, slot_outcome, by_order.score)
    units, outcome = plurality(by_judge.key // judges, by_judge.outcome)
    if probability is None:
        by_judge = Outcomes(by_judge.key, by_judge.outcome, SCORES[by_judge.outcome])
    by_unit = Outcomes(
        units,
        outcome,
        _scores(by_judge.key // judges, outcome, None if probability is None else by_judge.score),
    )
    return by_order, by_judge, by_unit


def _scores(key: Codes, outcome: Codes, probability: Floats | None) -> Floats:
    """Return the mean probability of each distinct key, or the score of its outcome."""
    if probability is None:
        return SCORES[outcome]
    _, inverse = np.unique(key, return_inverse=True)
    return np.bincount(inverse, weights=probability) / np.bincount(inverse)
