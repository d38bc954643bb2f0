"""How good the verdicts are: against the labels, and in one order against the other."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from repartee_eval.analysis.columns import Codes, Columns, Flags, Floats
from repartee_eval.analysis.labels import Labels
from repartee_eval.analysis.results import ClassQuality, CriterionQuality, JudgeQuality, OrderReport
from repartee_eval.analysis.win_rates import Judged
from repartee_eval.statistics.agreement import count_table, pair_agreement
from repartee_eval.statistics.classification import Classification, classify
from repartee_eval.statistics.clustered_means import clustered_mean
from repartee_eval.statistics.estimate import Estimate
from repartee_eval.statistics.reconciliation import FLIP, ORDERS, TIE

NAMES: Final = ("a", "b", "tie")
_MIRROR: Final = np.array([1, 0, 2, 3])


def judge_quality(
    found: Columns, judged: Judged, labels: Labels, first_share: float | None, level: float
) -> JudgeQuality:
    """Return the quality of the verdicts per item; a flip counts as the answer tie."""
    units = judged.by_unit.key
    outcome = _as_written(found, units, judged.by_unit.outcome)
    label = labels.plurality[units]
    labelled = label >= 0
    answer = np.where(outcome == FLIP, TIE, outcome)
    measured = classify(label[labelled], answer[labelled])
    accuracy = _share((answer == label)[labelled], found, units[labelled], level)
    decisive = labelled & (label < TIE) & (outcome < TIE)
    sides = _share((answer == label)[decisive], found, units[decisive], level)
    votes = _votes(units, outcome, labels)
    has_verdict = np.zeros(len(labels.counts), np.bool_)
    has_verdict[units] = True
    present = np.zeros(len(labels.counts), np.bool_)
    present[found.unit] = True
    unjudged = int((labels.known & present & ~has_verdict).sum()) + labels.unmatched
    return _quality(measured, accuracy, sides, votes, first_share, int((~labelled).sum()), unjudged)


def by_criterion(
    found: Columns, judged: Judged, labels: Labels, level: float
) -> tuple[CriterionQuality, ...]:
    """Return the quality on each criterion that has labels."""
    criterion = found.group_criterion[found.unit_group[judged.by_unit.key]]
    parts = []
    for number, name in enumerate(found.criteria):
        quality = judge_quality(found, part_of(judged, criterion == number), labels, None, level)
        if quality.n:
            parts.append(CriterionQuality(name, quality))
    return tuple(parts)


def part_of(judged: Judged, chosen: Flags) -> Judged:
    """Return the judged items with some of the units; orders and judges stay whole."""
    whole = judged.by_unit
    part = type(whole)(whole.key[chosen], whole.outcome[chosen], whole.score[chosen])
    return Judged(
        judged.by_order,
        judged.by_judge,
        part,
        judged.judges,
        judged.weighted,
        judged.probability[chosen],
        judged.difference[chosen],
    )


def order_report(found: Columns, judged: Judged, labels: Labels, level: float) -> OrderReport:
    """Return what the order does; with several judges each judge's items count by themselves."""
    slots = judged.by_order
    unit = slots.key // ORDERS // judged.judges
    order = _as_written_order(found, unit, slots.key % ORDERS)
    answer = _as_written(found, unit, slots.outcome)
    label = labels.plurality[unit]
    right = answer == label
    counter = np.where(right, 1, np.where((answer == TIE) | (label < 0), 0, -1))
    first_a, first_b = (order == side for side in (0, 1))
    a, b = _both(slots.key // ORDERS, first_a, first_b)
    labelled = label[a] >= 0
    same = answer[a] == answer[b]
    consistency = _share(same, found, unit[a], level)
    reversed_ = (answer[a] < TIE) & (answer[b] < TIE) & ~same
    repeats, repeated = _repeats(found, judged)
    return OrderReport(
        n=len(a),
        consistency=consistency.value,
        consistency_interval=consistency.interval,
        flip_rate=None if consistency.value is None else 1 - consistency.value,
        reversal_rate=_mean(reversed_),
        accuracy_first_a=_mean(right[first_a & (label >= 0)]),
        accuracy_first_b=_mean(right[first_b & (label >= 0)]),
        accuracy_both=_mean((right[a] & right[b])[labelled]),
        accuracy_mean=_mean(((right[a] * 1.0 + right[b]) / 2)[labelled]),
        accuracy_counter=_mean((counter[a] + counter[b] > 0)[labelled]),
        labelled=int(labelled.sum()),
        first_a_n=int((first_a & (label >= 0)).sum()),
        first_b_n=int((first_b & (label >= 0)).sum()),
        repeats=repeats,
        repeat_consistency=repeated,
    )


def flips(found: Columns, judged: Judged, level: float) -> Estimate:
    """Return the share of items, judged in both orders, whose two verdicts differ."""
    slots = judged.by_order
    order = slots.key % ORDERS
    a, b = _both(slots.key // ORDERS, order == 0, order == 1)
    differs = slots.outcome[a] != slots.outcome[b]
    return _share(differs, found, slots.key[a] // ORDERS // judged.judges, level)


def _quality(
    measured: Classification | None,
    accuracy: Estimate,
    sides: Estimate,
    votes: tuple[float | None, int, float | None, int],
    first_share: float | None,
    unlabelled: int,
    unjudged: int,
) -> JudgeQuality:
    return JudgeQuality(
        n=measured.n if measured else 0,
        clusters=accuracy.clusters,
        accuracy=measured.accuracy if measured else None,
        interval=accuracy.interval,
        se=accuracy.se,
        method=accuracy.method,
        precision=measured.precision if measured else None,
        recall=measured.recall if measured else None,
        f1=measured.f1 if measured else None,
        kappa=measured.kappa if measured else None,
        decisive_accuracy=sides.value,
        decisive_n=sides.n,
        decisive_interval=sides.interval,
        first_share=first_share,
        classes=_classes(measured),
        confusion=_confusion(measured),
        vote_agreement=votes[0],
        vote_n=votes[1],
        decisive_vote_agreement=votes[2],
        decisive_vote_n=votes[3],
        unlabelled=unlabelled,
        unjudged=unjudged,
    )


def _classes(measured: Classification | None) -> tuple[ClassQuality, ...]:
    return tuple(
        ClassQuality(NAMES[one.code], one.precision, one.recall, one.f1, one.support, one.predicted)
        for one in (measured.classes if measured else ())
    )


def _confusion(measured: Classification | None) -> Mapping[str, Mapping[str, int]]:
    counts = measured.confusion if measured else ((0, 0, 0),) * 3
    return {label: dict(zip(NAMES, row, strict=True)) for label, row in zip(NAMES, counts, strict=True)}


def _votes(units: Codes, outcome: Codes, labels: Labels) -> tuple[float | None, int, float | None, int]:
    """Return the agreement with single votes, and with those where both name a side, with their numbers."""
    verdict = np.full(len(labels.counts), -1, np.int64)
    verdict[units] = outcome
    judge = verdict[labels.unit]
    known = judge >= 0
    answer, vote = np.where(judge == FLIP, TIE, judge)[known], labels.vote[known]
    sides = (judge[known] < TIE) & (vote < TIE)
    same = answer == vote
    return _mean(same), len(same), _mean(same[sides]), int(sides.sum())


def _as_written(found: Columns, unit: Codes, outcome: Codes) -> Codes:
    """Return outcomes with the sides of the unit's first row."""
    return np.where(found.unit_swapped[unit], _MIRROR[outcome], outcome)


def _as_written_order(found: Columns, unit: Codes, order: Codes) -> Codes:
    return np.where(found.unit_swapped[unit] & (order < 2), 1 - order, order)


def _both(key: Codes, first_a: Flags, first_b: Flags) -> tuple[Codes, Codes]:
    """Return the indices of the A-first and the B-first verdict of each key that has both."""
    a, b = np.flatnonzero(first_a), np.flatnonzero(first_b)
    _, at_a, at_b = np.intersect1d(key[a], key[b], assume_unique=True, return_indices=True)
    return a[at_a], b[at_b]


def _repeats(found: Columns, judged: Judged) -> tuple[int, float | None]:
    """Return how many calls were repeated, and how often two repeats agree."""
    rows = found.take(found.judged)
    key = (rows.unit * judged.judges + rows.judge) * ORDERS + rows.order
    keys, inverse = np.unique(key, return_inverse=True)
    table = count_table(inverse, rows.verdict, len(keys))
    return int((table.sum(axis=1) > 1).sum()), pair_agreement(table)[0]


def _share(hits: Flags, found: Columns, unit: Codes, level: float) -> Estimate:
    return clustered_mean(hits.astype(np.float64), found.unit_cluster[unit], level=level)


def _mean(values: Flags | Floats) -> float | None:
    return float(values.mean()) if len(values) else None
