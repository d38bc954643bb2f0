"""Hard negatives: unrelated facts that an encoder takes for related."""

import numpy as np
from numpy.typing import NDArray

from repartee_tune.retrieval.groups import Grades


def hard_negatives(scores: NDArray[np.floating], grades: Grades, number: int) -> list[list[int]]:
    """Return for each message the places of its nearest facts with grade 0, best score first.

    `scores` and `grades` have shape (messages, facts). A fact of grade 1 is never a negative.
    """
    found = []
    for row, graded in zip(scores, grades, strict=True):
        order = np.argsort(-row, kind="stable")
        found.append([int(place) for place in order if graded[place] == 0][:number])
    return found
