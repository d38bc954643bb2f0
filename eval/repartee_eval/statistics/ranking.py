"""Measures of one ranked list, by their standard names.

`grades` are the labels of *every* fact of the user in the order of the ranking, best score first: 2 clearly
needed, 1 related, 0 neither. A fact is relevant when its grade is 1 or more. A measure that needs a relevant
fact is None where there is none: such a message says nothing about ranking and is no zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, log2


def dcg(grades: Sequence[int], k: int) -> float:
    """Return the discounted cumulative gain of the first k.

    Sum over ranks i = 1…k of (2^grade_i - 1) / log2(i + 1). The discounted gain is Järvelin and Kekäläinen's
    (Cumulated gain-based evaluation of IR techniques, TOIS 20(4), 2002), the exponential gain Burges et al.'s
    (Learning to rank using gradient descent, ICML 2005).
    """
    return sum((2.0**grade - 1.0) / log2(rank + 1) for rank, grade in enumerate(grades[: _cut(k)], 1))


def ndcg(grades: Sequence[int], k: int) -> float | None:
    """Return nDCG@k: the gain divided by that of the ideal order of the same facts; 0 to 1."""
    ideal = dcg(sorted(grades, reverse=True), k)
    return dcg(grades, k) / ideal if ideal else None


def reciprocal_rank(grades: Sequence[int]) -> float | None:
    """Return 1 / rank of the first relevant fact, however far down. Its mean over messages is MRR.

    Voorhees, The TREC-8 question answering track report, 1999.
    """
    return next((1 / rank for rank, grade in enumerate(grades, 1) if grade >= 1), None)


def recall_at(grades: Sequence[int], k: int) -> float | None:
    """Return recall@k: the share of the relevant facts that are among the first k.

    It cannot reach 1 where more than k facts are relevant. (Manning, Raghavan and Schütze, Introduction to
    Information Retrieval, 2008, chapter 8.)
    """
    relevant = _relevant(grades)
    return _relevant(grades[: _cut(k)]) / relevant if relevant else None


def hit_at(grades: Sequence[int], k: int) -> float | None:
    """Return 1 if any of the first k is relevant, else 0. Its mean over messages is the hit rate@k."""
    return float(_relevant(grades[: _cut(k)]) > 0) if _relevant(grades) else None


@dataclass(frozen=True, slots=True)
class Counts:
    """What one message got: facts `selected`, how many of them `correct`, how many are `relevant` in all."""

    selected: int
    correct: int
    relevant: int


def thresholded(scores: Sequence[float], grades: Sequence[int], limit: int, threshold: float) -> Counts:
    """Count for one message what the service would use: of the first `limit`, those with score > threshold.

    `scores` go with `grades`, best first. Summed over messages the counts give the micro averages (Manning,
    Raghavan and Schütze 2008, chapter 13): precision = correct / selected, recall = correct / relevant,
    F1 = 2 correct / (selected + relevant). The false-positive rate is the share of the messages without a
    relevant fact for which anything was selected.
    """
    selected = sum(score > threshold for score in scores[: _cut(limit)])
    return Counts(selected, _relevant(grades[:selected]), _relevant(grades))


def chance_of_any(above: int, facts: int, drawn: int) -> float:
    """Return the chance that at least one of `drawn` facts is one of the `above`, drawn without replacement.

    1 - C(N - k, n) / C(N, n) with N facts, k of them above, n drawn (the hypergeometric distribution at 0).
    For a message without a relevant fact this is what a user with n facts would get: the false-positive rate
    grows with the number of facts, and users with different numbers can only be compared at the same n.
    """
    if not 0 <= above <= facts or not 0 <= drawn <= facts:
        raise ValueError(f"cannot draw {drawn} of {facts} facts, {above} above")
    return 1.0 - comb(facts - above, drawn) / comb(facts, drawn)


def _relevant(grades: Sequence[int]) -> int:
    return sum(grade >= 1 for grade in grades)


def _cut(k: int) -> int:
    if k < 1:
        raise ValueError(f"a list is cut after 1 or more, not after {k}")
    return k
