"""Win rates per criterion and pair of models."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from repartee_eval.analysis.columns import FAILED, NOT_APPLICABLE, Codes, Columns, Floats
from repartee_eval.analysis.options import AnalysisOptions
from repartee_eval.analysis.results import LengthControl, RowCounts, WinRate
from repartee_eval.statistics.clustered_means import (
    NO_METHOD,
    T_METHOD,
    WILSON_METHOD,
    GroupedMeans,
    estimates,
    grouped_means,
)
from repartee_eval.statistics.estimate import Estimate, no_estimate
from repartee_eval.statistics.length_control import length_controlled
from repartee_eval.statistics.multiplicity import holm
from repartee_eval.statistics.reconciliation import SCORES, Outcomes, reconcile

MOST_LENGTH_FITS: Final = 200


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdicts made one per item. `by_order` and `by_judge` are what they were made of.

    Keys as `reconcile` gives them; `judges` is the factor in them. `weighted` says that scores are
    probabilities. `difference` is len_b - len_a per unit of `by_unit`, NaN where not known.
    """

    by_order: Outcomes
    by_judge: Outcomes
    by_unit: Outcomes
    judges: int
    weighted: bool
    probability: Floats
    difference: Floats


def judged_items(found: Columns, options: AnalysisOptions) -> Judged:
    """Return the rows with a verdict made one per item."""
    rows = found.take(found.judged)
    weighted = options.score == "probability" and bool(len(rows.p_b)) and not np.isnan(rows.p_b).any()
    by_order, by_judge, by_unit = reconcile(
        rows.unit, rows.judge, rows.order, rows.verdict, rows.p_b if weighted else None
    )
    probability = by_unit.score if weighted else _unit_probability(rows, by_unit.key)
    judges = int(rows.judge.max(initial=0)) + 1
    difference = _unit_mean(rows.len_b - rows.len_a, rows.unit, by_unit.key)
    return Judged(by_order, by_judge, by_unit, judges, weighted, probability, difference)


def win_rates(found: Columns, judged: Judged, options: AnalysisOptions) -> tuple[WinRate, ...]:
    """Return one win rate per criterion and pair, in the order of their first rows."""
    groups = len(found.group_criterion)
    group = found.unit_group[judged.by_unit.key]
    cluster = found.unit_cluster[judged.by_unit.key]
    means = grouped_means(group, judged.by_unit.score, cluster, groups)
    table = _Table(found, judged, group, cluster, means, options)
    present = np.flatnonzero(np.bincount(found.group, minlength=groups))
    return _adjusted(table.rates(present.tolist()), options.level)


class _Table:
    """All that is counted per group, and the win rates made from it."""

    def __init__(
        self,
        found: Columns,
        judged: Judged,
        group: Codes,
        cluster: Codes,
        means: GroupedMeans,
        options: AnalysisOptions,
    ) -> None:
        self._found, self._judged, self._options, self._means = found, judged, options, means
        groups = len(found.group_criterion)
        self._outcomes = _counts(group, judged.by_unit.outcome, groups, 4)
        self._rows = _counts(found.group, found.verdict, groups, 5)
        units = np.unique(found.unit)
        self._units = np.bincount(found.unit_group[units], minlength=groups)
        self._two_sided = means.bounds((1 + options.level) / 2)
        self._one_sided = means.bounds(options.level)
        self._p_value = means.p_differs(0.5)
        self._p_above = means.p_above(0.5 - options.margin)
        self._discrete = grouped_means(group, SCORES[judged.by_unit.outcome], cluster, groups).mean
        known = ~np.isnan(judged.probability)
        self._probability = estimates(
            grouped_means(group[known], judged.probability[known], cluster[known], groups), options.level
        )
        self._lengths = _lengths(judged, group, cluster, groups, options.level)

    def rates(self, groups: Sequence[int]) -> list[WinRate]:
        """Return the win rates of these groups, not yet adjusted for the number of criteria."""
        return [self._rate(group) for group in groups]

    def _rate(self, group: int) -> WinRate:
        found, means, options = self._found, self._means, self._options
        a, b = found.pairs[found.group_pair[group]]
        wins_a, wins_b, ties, flips = self._outcomes[group].tolist()
        items = int(means.n[group])
        unit_rate = float(means.mean[group]) if items else None
        lower = float(self._one_sided[0][group]) if items else None
        probability = self._probability[group]
        return WinRate(
            criterion=found.criteria[found.group_criterion[group]],
            model_a=found.models[a],
            model_b=found.models[b],
            wins_a=wins_a,
            wins_b=wins_b,
            ties=ties,
            flips=flips,
            failed=int(self._rows[group, FAILED]),
            not_applicable=int(self._rows[group, NOT_APPLICABLE]),
            unjudged=int(self._units[group]) - items,
            items=items,
            win_rate_b=unit_rate,
            se=float(means.se[group]) if means.clusters[group] > 1 else None,
            interval=_pair(self._two_sided, group) if items else None,
            clusters=int(means.clusters[group]),
            method=_method(items, bool(means.degenerate[group])),
            level=options.level,
            lower=lower,
            upper=float(self._one_sided[1][group]) if items else None,
            p_value=float(self._p_value[group]) if items else None,
            p_holm=None,
            p_non_inferior=float(self._p_above[group]) if items else None,
            margin=options.margin,
            superior=None,
            inferior=None,
            non_inferior=None if lower is None else lower > 0.5 - options.margin,
            discrete_win_rate_b=float(self._discrete[group]) if items else None,
            probability_win_rate_b=probability if probability.n else None,
            rows=_row_counts(self._rows[group]),
            length=self._lengths.get(group),
        )


def _adjusted(rates: Sequence[WinRate], level: float) -> tuple[WinRate, ...]:
    """Return the rates with Holm's p values over the criteria of each pair."""
    families: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, rate in enumerate(rates):
        families[rate.model_a, rate.model_b].append(number)
    found = list(rates)
    for members in families.values():
        for number, p_holm in zip(members, holm([rates[one].p_value for one in members]), strict=True):
            found[number] = _decided(rates[number], p_holm, level)
    return tuple(found)


def _decided(rate: WinRate, p_holm: float | None, level: float) -> WinRate:
    if p_holm is None or rate.win_rate_b is None:
        return rate
    sure = p_holm < 1 - level
    superior, inferior = sure and rate.win_rate_b > 0.5, sure and rate.win_rate_b < 0.5
    return replace(rate, p_holm=p_holm, superior=superior, inferior=inferior)


def _counts(group: Codes, value: Codes, groups: int, values: int) -> NDArray[np.int64]:
    return np.bincount(group * values + value, minlength=groups * values).reshape(groups, values)


def _row_counts(counts: Codes) -> RowCounts:
    wins_a, wins_b, ties = (int(count) for count in counts[:3])
    verdicts = wins_a + wins_b + ties
    return RowCounts(verdicts, wins_a, wins_b, ties, (wins_b + ties / 2) / verdicts if verdicts else None)


def _pair(bounds: tuple[Floats, Floats], group: int) -> tuple[float, float]:
    return float(bounds[0][group]), float(bounds[1][group])


def _method(items: int, degenerate: bool) -> str:
    return (WILSON_METHOD if degenerate else T_METHOD) if items else NO_METHOD


def _unit_probability(rows: Columns, units: Codes) -> Floats:
    """Return the mean probability per unit, each order the same; NaN where a row has none."""
    if np.isnan(rows.p_b).all():
        return np.full(len(units), np.nan)
    return reconcile(rows.unit, rows.judge, rows.order, rows.verdict, rows.p_b)[2].score


def _unit_mean(values: Floats, unit: Codes, units: Codes) -> Floats:
    """Return the mean of the known values of each unit, NaN where there is none."""
    known = ~np.isnan(values)
    place = np.searchsorted(units, unit[known])
    with np.errstate(invalid="ignore"):
        return np.bincount(place, weights=values[known], minlength=len(units)) / np.bincount(
            place, minlength=len(units)
        )


def _lengths(
    judged: Judged, group: Codes, cluster: Codes, groups: int, level: float
) -> dict[int, LengthControl]:
    """Return the length control of each group with lengths, or why there is none."""
    known = np.flatnonzero(~np.isnan(judged.difference))
    counted = np.bincount(group[known], minlength=groups)
    present = np.flatnonzero(counted)
    if len(present) > MOST_LENGTH_FITS:
        reason = f"more than {MOST_LENGTH_FITS} pairs: length control is not fitted"
        return {int(one): _uncontrolled(reason, level) for one in present}
    ordered = known[np.argsort(group[known], kind="stable")]
    parts = np.split(ordered, np.cumsum(counted)[:-1]) if groups else []
    return {int(one): _length(judged, parts[one], cluster, level) for one in present}


def _length(judged: Judged, part: Codes, cluster: Codes, level: float) -> LengthControl:
    difference = judged.difference[part]
    fit = length_controlled(judged.by_unit.score[part], difference, cluster[part], level=level)
    return LengthControl(fit.win_rate, fit.slope, fit.p_value, float(difference.mean()), fit.reason)


def _uncontrolled(reason: str, level: float) -> LengthControl:
    nothing: Estimate = no_estimate(reason, level=level)
    return LengthControl(nothing, nothing, None, None, reason)
