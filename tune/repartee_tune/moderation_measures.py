"""How well a classifier finds the judge's tags in texts that it has not seen."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve

from repartee.application.text_classifier import Label
from repartee_eval.statistics.intervals import Interval, Part, ratio_interval
from repartee_eval.statistics.proportions import Rate, rate_of
from repartee_tune.moderation_rows import Truth

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class LabelMeasures:
    """One label. Rates are exact over texts; the other intervals draw dialogues, whose texts are alike."""

    label: Label
    positives: int
    precision: Rate
    recall: Rate
    precision_by_dialogue: Interval
    recall_by_dialogue: Interval
    average_precision: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


def threshold_for(truth: NDArray[np.bool_], scores: NDArray[np.floating], least_precision: float) -> float:
    """Return the threshold that finds the most with that precision; else that of the largest F1.

    Of those that find alike the highest. A score has to exceed the threshold, so it lies halfway to the next
    score below.
    """
    precision, recall, cuts = precision_recall_curve(truth, scores)
    precision, recall = precision[:-1], recall[:-1]
    meets = (precision >= least_precision) & (recall > 0)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = meets & (recall == recall[meets].max()) if meets.any() else f1 == f1.max()
    place = int(np.flatnonzero(best)[-1])
    below = cuts[place - 1] if place else 0.0
    return float((cuts[place] + below) / 2)


def measure_label(
    label: Label, truth: NDArray[np.bool_], scores: Scores, clusters: Sequence[str], seed: int
) -> LabelMeasures:
    """Measure one label; arrays have one entry per text."""
    raised = scores > label.threshold
    hits = int((raised & truth).sum())
    parts: dict[str, list[tuple[Part, Part]]] = defaultdict(list)
    for cluster, is_raised, is_true in zip(clusters, raised, truth, strict=True):
        both = float(is_raised and is_true)
        parts[cluster].append(((both, float(is_raised)), (both, float(is_true))))
    precision, recall = (
        ratio_interval([[part[side] for part in said] for said in parts.values()], seed=seed)
        for side in (0, 1)
    )
    known = truth.any() and not truth.all()
    return LabelMeasures(
        label,
        int(truth.sum()),
        rate_of(hits, int(raised.sum())),
        rate_of(hits, int(truth.sum())),
        precision,
        recall,
        float(average_precision_score(truth, scores)) if known else None,
    )


def measure_labels(
    labels: Sequence[Label], truth: Truth, scores: Scores, clusters: Sequence[str], seed: int
) -> list[LabelMeasures]:
    """Measure every label; `truth` and `scores` have shape (texts, labels)."""
    return [
        measure_label(label, truth[:, place], scores[:, place], clusters, seed)
        for place, label in enumerate(labels)
    ]


def measures_table(rows: Sequence[LabelMeasures], texts: int) -> str:
    """Return Markdown."""
    lines = [f"held-out texts: {texts}", ""]
    lines += [
        "| label | positives | precision | recall | average precision | threshold |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_line(row) for row in rows]
    return "\n".join([*lines, ""])


def _line(row: LabelMeasures) -> str:
    name = row.label.tag if row.label.level == "mild" else f"{row.label.tag}, severe"
    average = "-" if row.average_precision is None else f"{row.average_precision:.3f}"
    shown = f"{_shown(row.precision)} | {_shown(row.recall)} | {average} | {row.label.threshold:.3f}"
    return f"| {name} | {row.positives} | {shown} |"


def _shown(rate: Rate) -> str:
    if rate.rate is None or rate.interval is None:
        return "- (0 of 0)"
    low, high = rate.interval
    return f"{rate.rate:.3f} [{low:.3f}, {high:.3f}] ({rate.hits} of {rate.n})"
