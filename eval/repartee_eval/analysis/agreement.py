"""How far the judges agree with each other, and the people."""

import numpy as np

from repartee_eval.analysis.labels import Labels
from repartee_eval.analysis.results import Agreement
from repartee_eval.analysis.win_rates import Judged
from repartee_eval.statistics.agreement import alpha, count_table, fleiss_kappa, pair_agreement
from repartee_eval.statistics.reconciliation import ORDERS


def agreement(judged: Judged, labels: Labels) -> Agreement:
    """Return the agreement. A unit of judges is one item in one order; repeats of a judge count once."""
    slots = judged.by_order
    unit = slots.key // ORDERS // judged.judges * ORDERS + slots.key % ORDERS
    units, inverse = np.unique(unit, return_inverse=True)
    judges = count_table(inverse, slots.outcome, len(units))
    raters = len(np.unique(slots.key // ORDERS % judged.judges))
    judges_alpha, people_alpha = alpha(judges), alpha(labels.people)
    by_judges = raters > 1 and judges_alpha is not None
    sides = labels.people.copy()
    sides[:, 2] = 0
    same, pairs = pair_agreement(labels.people)
    same_side, side_pairs = pair_agreement(sides)
    shown = judges if by_judges else labels.people
    value = judges_alpha if by_judges else people_alpha
    return Agreement(
        alpha=value,
        of=None if value is None else "judges" if by_judges else "annotators",
        raters=(raters if by_judges else labels.annotators) if value is not None else 0,
        units=int((shown.sum(axis=1) > 1).sum()) if value is not None else 0,
        judges_alpha=judges_alpha,
        judges_fleiss_kappa=fleiss_kappa(judges),
        judges_pair_agreement=pair_agreement(judges)[0],
        annotators_alpha=people_alpha,
        annotators_fleiss_kappa=fleiss_kappa(labels.people),
        annotators_pair_agreement=same,
        annotators_pairs=pairs,
        annotators_decisive_agreement=same_side,
        annotators_decisive_pairs=side_pairs,
    )
