"""Rankings of the models from every verdict by itself, as published leaderboards count."""

import numpy as np

from repartee_eval.analysis.columns import Codes, Columns, Floats
from repartee_eval.analysis.options import AnalysisOptions
from repartee_eval.analysis.results import CriterionRankings, RankedModel, RankSet, RankSets
from repartee_eval.statistics.pairwise_ranking import METHODS, Scores, rank
from repartee_eval.statistics.rank_sets import METHOD, RankedSets, rank_sets


def rankings(found: Columns) -> tuple[dict[str, tuple[RankedModel, ...]], tuple[str, ...]]:
    """Return the models by method, best first, and the methods that did not converge.

    A method that was not computed has an empty tuple.
    """
    x, y, outcome, names = _compared(found)
    computed = {one.method: one for one in rank(x, y, outcome, len(names))}
    unsettled = tuple(name for name, one in computed.items() if not one.converged)
    return {method: _ranked(computed.get(method), names) for method in METHODS}, unsettled


def by_criterion(found: Columns) -> tuple[CriterionRankings, ...]:
    """Return the rankings of each criterion."""
    criterion = found.group_criterion[found.group]
    return tuple(
        CriterionRankings(name, rankings(found.take(criterion == number))[0])
        for number, name in enumerate(found.criteria)
        if (criterion == number).any()
    )


def places(found: Columns, options: AnalysisOptions) -> RankSets:
    """Return the places that each model can have."""
    x, y, outcome, names = _compared(found)
    sets = rank_sets(
        x,
        y,
        outcome,
        found.cluster[found.judged],
        len(names),
        seed=options.seed,
        resamples=options.resamples,
        level=options.level,
    )
    return RankSets(
        _sets(sets, names),
        len(x),
        sets.clusters,
        METHOD,
        options.level,
        options.seed,
        options.resamples,
        sets.reason,
    )


def _compared(found: Columns) -> tuple[Codes, Codes, Codes, list[str]]:
    """Return x, y and outcome of each verdict as it was written, and the names of the models.

    Models are numbered as evalica does, first those on the x side: its iterations depend on it in the last
    digits, and published scores should come out.
    """
    rows = found.take(found.judged)
    pairs = np.array(rows.pairs, np.int64).reshape(-1, 2)[rows.group_pair[rows.group]]
    x = np.where(rows.swapped, pairs[:, 1], pairs[:, 0])
    y = np.where(rows.swapped, pairs[:, 0], pairs[:, 1])
    both = np.concatenate([x, y])
    used, first, inverse = np.unique(both, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    names = [found.models[one] for one in used[order].tolist()]
    outcome = np.where(rows.swapped & (rows.verdict < 2), 1 - rows.verdict, rows.verdict)
    return place[inverse[: len(x)]], place[inverse[len(x) :]], outcome, names


def _ranked(scores: Scores | None, names: list[str]) -> tuple[RankedModel, ...]:
    """Return the models, best first; equal scores share a rank."""
    if scores is None:
        return ()
    values, raw = _known(scores.scores), _known(scores.raw)
    order = sorted(
        range(len(names)), key=lambda one: (values[one] is None, -(values[one] or 0.0), names[one])
    )
    found: list[RankedModel] = []
    for place, one in enumerate(order, 1):
        same = bool(found) and found[-1].score == values[one]
        found.append(RankedModel(names[one], values[one], raw[one], found[-1].rank if same else place))
    return tuple(found)


def _known(values: Floats) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _sets(sets: RankedSets, names: list[str]) -> tuple[RankSet, ...]:
    order = sorted(range(len(sets.log_score)), key=lambda one: (-sets.log_score[one], names[one]))
    return tuple(
        RankSet(
            names[one],
            float(sets.log_score[one]),
            float(sets.se[one]),
            (float(sets.low[one]), float(sets.high[one])),
            int(sets.best[one]),
            int(sets.worst[one]),
        )
        for one in order
    )
