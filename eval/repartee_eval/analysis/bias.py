"""What moves the verdicts beside quality."""

from typing import Final

import numpy as np

from repartee_eval.analysis.columns import Codes, Columns, Flags, Floats
from repartee_eval.analysis.families import family
from repartee_eval.analysis.judge_quality import flips
from repartee_eval.analysis.labels import Labels
from repartee_eval.analysis.results import BiasReport, SelfPreference
from repartee_eval.analysis.win_rates import Judged
from repartee_eval.statistics.clustered_means import clustered_mean
from repartee_eval.statistics.estimate import Estimate, no_estimate
from repartee_eval.statistics.length_control import LengthFit, length_slope
from repartee_eval.statistics.reconciliation import SCORES, TIE

LEAST: Final = 20
"""Observations below which nothing is flagged."""
POSITION: Final = 0.05
LONGER: Final = 0.1
FLIPS: Final = 0.25
TIES: Final = 0.5
FAMILY: Final = 0.05
MOST_MODELS: Final = 30
MOST_ROWS: Final = 20_000


def bias_report(found: Columns, judged: Judged, labels: Labels, seed: int, level: float) -> BiasReport:
    """Return the report. `found` are the rows of one judge, or of all."""
    rows = found.take(found.judged)
    first, ties = _first(rows, level), _share(rows.verdict == TIE, rows.cluster, level)
    longer, flip_rate = _longer(rows, level), flips(found, judged, level)
    fit = _slope(found, judged, seed, level)
    own = _self_preference(rows, labels, level)
    flags = (
        *_position_flags(first, rows),
        *_high("verdicts change with the order", flip_rate, FLIPS),
        *_length_flags(longer, fit),
        *_high("verdicts are ties", ties, TIES),
        *_family_flags(own),
    )
    return BiasReport(first.value, first, flip_rate, ties, longer, fit.slope, fit.p_value, own, flags)


def _first(rows: Columns, level: float) -> Estimate:
    """Return how often the winner was the one shown first, of the verdicts with a winner."""
    decisive = (rows.verdict < TIE) & (rows.order < 2)
    return _share((rows.verdict == rows.order)[decisive], rows.cluster[decisive], level)


def _longer(rows: Columns, level: float) -> Estimate:
    difference = rows.len_b - rows.len_a
    decisive = (rows.verdict < TIE) & (np.abs(np.nan_to_num(difference)) > 0)
    return _share(((difference > 0) == (rows.verdict == 1))[decisive], rows.cluster[decisive], level)


def _share(hits: Flags, cluster: Codes, level: float) -> Estimate:
    return clustered_mean(hits.astype(np.float64), cluster, level=level)


def _slope(found: Columns, judged: Judged, seed: int, level: float) -> LengthFit:
    """Return how much length moves the verdict, beside the models' strengths; of many items a sample."""
    known = np.flatnonzero(~np.isnan(judged.difference))
    if len(known) > MOST_ROWS:
        known = np.sort(np.random.default_rng(seed).choice(known, MOST_ROWS, replace=False))
    units = judged.by_unit.key[known]
    pairs = np.array(found.pairs, np.int64).reshape(-1, 2)[found.group_pair[found.unit_group[units]]]
    design = _strengths(pairs)
    scores = judged.by_unit.score[known]
    cluster = found.unit_cluster[units]
    return length_slope(scores, judged.difference[known], cluster, design, level=level)


def _strengths(pairs: Codes) -> Floats:
    """Return the design of the models' strengths: +1 for B, -1 for A, the last model left out.

    With two models it is an intercept. With many there are no strengths, only an intercept.
    """
    models, codes = np.unique(pairs, return_inverse=True)
    if not 2 <= len(models) <= MOST_MODELS:
        return np.ones((len(pairs), 1))
    codes = codes.reshape(-1, 2)
    design = np.zeros((len(pairs), len(models)))
    rows = np.arange(len(pairs))
    design[rows, codes[:, 1]] = 1.0
    design[rows, codes[:, 0]] = -1.0
    return design[:, 1:]


def _self_preference(rows: Columns, labels: Labels, level: float) -> tuple[SelfPreference, ...]:
    """Return each family that both judges and is judged against others."""
    families = [family(name) for name in rows.models]
    kin = {name: number for number, name in enumerate(dict.fromkeys(one for one in families if one))}
    of_model = np.array([kin.get(one or "", -1) for one in families], np.int64)
    of_judge = np.array([kin.get(family(name) or "", -2) for name in rows.judges], np.int64)
    if not len(rows.unit) or not np.isin(of_judge, of_model).any():
        return ()
    pairs = np.array(rows.pairs, np.int64).reshape(-1, 2)[rows.group_pair[rows.group]]
    judge, a, b = of_judge[rows.judge], of_model[pairs[:, 0]], of_model[pairs[:, 1]]
    found = []
    for name, number in kin.items():
        own = (judge == number) & ((a == number) != (b == number))
        if own.any():
            found.append(_preference(name, rows.take(own), (b == number)[own], labels, level))
    return tuple(found)


def _preference(
    name: str,
    rows: Columns,
    own_is_b: Flags,
    labels: Labels,
    level: float,
) -> SelfPreference:
    score = np.where(own_is_b, SCORES[rows.verdict], 1 - SCORES[rows.verdict])
    rate = clustered_mean(score, rows.cluster, level=level)
    people = _side_labels(rows, labels)
    known = (people >= 0) & (rows.verdict < TIE)
    if not known.any():
        return SelfPreference(name, rate, no_estimate("no labels on these items", level=level))
    human = np.where(own_is_b, people == 1, people == 0)
    excess = (score - human)[known]
    half = clustered_mean((excess + 1) / 2, rows.cluster[known], level=level)
    return SelfPreference(name, rate, _stretched(half))


def _side_labels(rows: Columns, labels: Labels) -> Codes:
    """Return the side of the pair that most people took, per row; -1 where they took none."""
    label = labels.plurality
    sides = np.where(rows.unit_swapped & (label >= 0), 1 - label, label)
    return np.where(label < TIE, sides, -1)[rows.unit]


def label_scores(found: Columns, labels: Labels) -> Floats:
    """Return the mean half-tie score that people gave side B of the pair, per unit; NaN without labels."""
    total = labels.counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        score = (labels.counts[:, 1] + labels.counts[:, 2] / 2) / total
    return np.asarray(np.where(found.unit_swapped, 1 - score, score), np.float64)


def _stretched(half: Estimate) -> Estimate:
    """Return the estimate of a difference from -1 to 1 that was estimated as a share."""
    if half.value is None or half.interval is None:
        return half
    low, high = half.interval
    error = None if half.se is None else 2 * half.se
    return Estimate(
        2 * half.value - 1, error, (2 * low - 1, 2 * high - 1), half.n, half.clusters, half.method, half.level
    )


# --- Flags --------------------------------------------------------------------------------------------


def one_order_only(rows: Columns) -> bool:
    """Tell whether position and model cannot be told apart: one pair, always shown in the same order."""
    orders = np.unique(rows.order[rows.order < 2])
    return len(orders) == 1 and len(np.unique(rows.group_pair[rows.group])) == 1


def _position_flags(first: Estimate, rows: Columns) -> tuple[str, ...]:
    if first.value is None or not _sure(first, 0.5) or one_order_only(rows):
        return ()
    if abs(first.value - 0.5) < POSITION:
        return ()
    side = "first" if first.value > 0.5 else "second"
    share = max(first.value, 1 - first.value)
    return (f"position: prefers the answer shown {side} ({share:.1%} of {first.n} verdicts with a winner)",)


def _length_flags(longer: Estimate, fit: LengthFit) -> tuple[str, ...]:
    slope = fit.slope
    if longer.value is None or slope.value is None or slope.interval is None or slope.n < LEAST:
        return ()
    sure = slope.interval[0] > 0 or slope.interval[1] < 0
    if not sure or abs(longer.value - 0.5) < LONGER or (slope.value > 0) != (longer.value > 0.5):
        return ()
    kind = "longer" if longer.value > 0.5 else "shorter"
    share = max(longer.value, 1 - longer.value)
    return (f"length: prefers the {kind} answer ({share:.1%} of {longer.n} verdicts with a winner)",)


def _high(what: str, rate: Estimate, limit: float) -> tuple[str, ...]:
    if rate.value is None or rate.n < LEAST or rate.value < limit:
        return ()
    kind = "order" if "order" in what else "ties"
    return (f"{kind}: {rate.value:.1%} of {rate.n} {what}",)


def _family_flags(own: tuple[SelfPreference, ...]) -> tuple[str, ...]:
    return tuple(
        f"self-preference: judges of the family {one.family} rate it {one.excess.value:+.1%} over the labels"
        for one in own
        if one.excess.value is not None and one.excess.value >= FAMILY and _sure(one.excess, 0.0)
    )


def _sure(found: Estimate, null: float) -> bool:
    if found.interval is None or found.n < LEAST:
        return False
    return found.interval[0] > null or found.interval[1] < null
