"""The one table between judging and statistics: a verdict per row, a human label per row.

`repartee-eval analyze` reads these columns from CSV; a run writes the same rows (docs/verdicts.md).
"""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["a", "b", "tie", "failed", "not_applicable"]
Failure = Literal[
    "timeout",
    "unreachable",
    "rate_limited",
    "unavailable",
    "misconfigured",
    "out_of_credits",
    "refused",
    "moderated",
    "invalid_answer",
    "truncated",
    "unparseable",
    "budget_spent",
]
"""Why a call gave no verdict; a closed list. A failed call is never a tie and never lost."""


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """One answer of one judge about one item in one order.

    `verdict` names a side (`a`: model_a), whichever was shown first. `p_b` is the probability that B is
    better, where the judge gave one. Lengths are in characters. Empty strings and None: not known.
    """

    item: str
    cluster: str
    criterion: str
    model_a: str
    model_b: str
    first: Literal["a", "b"] | None
    verdict: Verdict
    p_b: float | None = None
    judge: str = ""
    len_a: int | None = None
    len_b: int | None = None
    character: str = ""
    scenario: str = ""
    depth: str = ""
    replicate: int = 0
    failure: Failure | None = None
    latency: float | None = None
    """Seconds."""
    cost: float | None = None
    """US dollars."""
    reason: str = ""
    """What the judge said for it."""


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One person's label of one item.

    An empty criterion is a label on every criterion. The sides are those of the item's verdict rows; models
    are needed only where one item id stands for several pairs of models.
    """

    item: str
    criterion: str
    annotator: str
    label: Literal["a", "b", "tie"]
    model_a: str = ""
    model_b: str = ""
