"""Labels of people, matched to the units of the verdicts."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from repartee_eval.analysis.columns import Codes, Columns, Flags
from repartee_eval.statistics.agreement import count_table
from repartee_eval.verdict_rows import LabelRow

_LABELS: Final = {"a": 0, "b": 1, "tie": 2}
_MIRROR: Final = (1, 0, 2)

Key = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Labels:
    """Votes on units, written as the unit's first row is written; and the table of all votes.

    `unit` and `vote` have one entry per vote that a unit was found for. `counts` has shape (units, 3).
    `people` counts the votes of every labelled item, judged or not, shape (labelled items, 3).
    """

    unit: Codes
    vote: Codes
    counts: Codes
    people: Codes
    annotators: int
    unmatched: int
    """Labelled items that no row is about."""
    ambiguous: int
    """Labels without models on an item id that stands for several pairs of models."""

    @property
    def known(self) -> Flags:
        """Per unit: whether it has any label."""
        return np.asarray(self.counts.sum(axis=1) > 0)

    @property
    def plurality(self) -> Codes:
        """Per unit the strictly most frequent label, -1 where there is none."""
        most = self.counts.max(axis=1, initial=0)
        strict = ((self.counts == most[:, None]).sum(axis=1) == 1) & (most > 0)
        return np.where(strict, self.counts.argmax(axis=1), -1)


def match(labels: Sequence[LabelRow], found: Columns) -> Labels:
    """Return the labels by unit.

    A label without a criterion is on every criterion. Verdicts without criterion take the labels of the only
    criterion there is.
    """
    units, votes, ambiguous = _matched(labels, _Units(found, len({label.criterion for label in labels})))
    keys: dict[Key, int] = {}
    people = [keys.setdefault(_key(label), len(keys)) for label in labels]
    ratings = [
        _LABELS[label.label] if _in_order(label) else _MIRROR[_LABELS[label.label]] for label in labels
    ]
    items = set(found.items)
    unit, vote = np.array(units, np.int64), np.array(votes, np.int64)
    return Labels(
        unit=unit,
        vote=vote,
        counts=count_table(unit, vote, len(found.unit_group)),
        people=count_table(np.array(people, np.int64), np.array(ratings, np.int64), len(keys)),
        annotators=len({label.annotator for label in labels}),
        unmatched=sum(key[0] not in items for key in keys),
        ambiguous=ambiguous,
    )


class _Units:
    """Finds the units that a label is about."""

    def __init__(self, found: Columns, criteria: int) -> None:
        self._found = found
        self._any_criterion = found.criteria == ("",) and criteria == 1
        self._by_item: dict[str, list[int]] = defaultdict(list)
        for unit, item in enumerate(found.unit_item.tolist() if criteria else ()):
            self._by_item[found.items[item]].append(unit)

    def of(self, label: LabelRow) -> list[tuple[int, bool]]:
        """Return the units, and for each whether the label is written the other way round."""
        chosen = [unit for unit in self._by_item.get(label.item, ()) if self._fits(unit, label)]
        if not label.model_a:
            return [(unit, False) for unit in chosen]
        return [(unit, self._written(unit) != (label.model_a, label.model_b)) for unit in chosen]

    def several_pairs(self, units: Sequence[tuple[int, bool]]) -> bool:
        """Tell whether the units are of more than one pair of models."""
        return len({int(self._found.group_pair[self._found.unit_group[unit]]) for unit, _ in units}) > 1

    def _fits(self, unit: int, label: LabelRow) -> bool:
        criterion = self._found.criteria[self._found.group_criterion[self._found.unit_group[unit]]]
        if label.criterion and criterion != label.criterion and not self._any_criterion:
            return False
        return not label.model_a or set(self._written(unit)) == {label.model_a, label.model_b}

    def _written(self, unit: int) -> tuple[str, str]:
        """Return the models as the unit's first row has them."""
        a, b = self._found.pairs[self._found.group_pair[self._found.unit_group[unit]]]
        names = self._found.models[a], self._found.models[b]
        return names[::-1] if self._found.unit_swapped[unit] else names


def _matched(labels: Sequence[LabelRow], units: _Units) -> tuple[list[int], list[int], int]:
    matched: list[int] = []
    votes: list[int] = []
    ambiguous = 0
    for label in labels:
        about = units.of(label)
        if not label.model_a and units.several_pairs(about):
            ambiguous += 1
            continue
        for unit, mirrored in about:
            matched.append(unit)
            votes.append(_MIRROR[_LABELS[label.label]] if mirrored else _LABELS[label.label])
    return matched, votes, ambiguous


def _in_order(label: LabelRow) -> bool:
    return label.model_a <= label.model_b


def _key(label: LabelRow) -> Key:
    low, high = sorted((label.model_a, label.model_b))
    return label.item, label.criterion, low, high
