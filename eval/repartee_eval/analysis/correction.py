"""Win rates corrected with the labels, for each criterion and pair that has any."""

import numpy as np

from repartee_eval.analysis.bias import label_scores
from repartee_eval.analysis.columns import Codes, Columns, Floats
from repartee_eval.analysis.labels import Labels
from repartee_eval.analysis.results import CorrectedWinRate
from repartee_eval.analysis.win_rates import Judged
from repartee_eval.statistics.clustered_means import clustered_mean
from repartee_eval.statistics.judge_correction import LEAST_LABELS, prediction_powered, rogan_gladen


def corrected(found: Columns, judged: Judged, labels: Labels, level: float) -> tuple[CorrectedWinRate, ...]:
    """Return the corrected win rates; a pair with fewer than 10 labelled items is left out."""
    if not len(labels.unit):
        return ()
    units = judged.by_unit.key
    human = label_scores(found, labels)[units]
    group = found.unit_group[units]
    counts = np.bincount(group[~np.isnan(human)], minlength=len(found.group_pair))
    chosen = np.flatnonzero(counts >= LEAST_LABELS).tolist()
    return tuple(
        _corrected(found, judged, human, np.flatnonzero(group == number), number, level) for number in chosen
    )


def _corrected(
    found: Columns,
    judged: Judged,
    human: Floats,
    part: Codes,
    group: int,
    level: float,
) -> CorrectedWinRate:
    cluster = found.unit_cluster[judged.by_unit.key]
    score = judged.by_unit.score
    known, rest = part[~np.isnan(human[part])], part[np.isnan(human[part])]
    people = human[known]
    powered = prediction_powered(
        people, score[known], cluster[known], score[rest], cluster[rest], level=level
    )
    a, b = found.pairs[found.group_pair[group]]
    return CorrectedWinRate(
        criterion=found.criteria[found.group_criterion[group]],
        model_a=found.models[a],
        model_b=found.models[b],
        labelled=len(known),
        raw=float(score[part].mean()),
        labels_only=clustered_mean(people, cluster[known], level=level),
        rogan_gladen=rogan_gladen(score[part], cluster[part], people, score[known], level=level),
        ppi=powered.estimate,
        ppi_lambda=powered.weight,
    )
