"""Verdict rows as arrays of codes: what the statistics count."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from repartee_eval.analysis.options import AnalysisOptions
from repartee_eval.verdict_rows import VerdictRow

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FAILED: Final = 3
NOT_APPLICABLE: Final = 4
_VERDICTS: Final = {"a": 0, "b": 1, "tie": 2, "failed": FAILED, "not_applicable": NOT_APPLICABLE}
_ORDERS: Final = {"a": 0, "b": 1, None: 2}
_MIRROR: Final = np.array([1, 0, 2, 3, 4])


@dataclass(frozen=True, slots=True)
class Columns:
    """One entry per row in every array, in the order of the rows.

    Sides are those of the row's pair of models in `pairs`, however the row itself was written; `swapped` says
    which rows were written the other way. `order`: 0 A first, 1 B first, 2 not known. A unit is one item of
    one pair on one criterion. Unknown numbers are NaN.
    """

    unit: Codes
    group: Codes
    item: Codes
    cluster: Codes
    judge: Codes
    order: Codes
    verdict: Codes
    p_b: Floats
    len_a: Floats
    len_b: Floats
    swapped: Flags
    group_criterion: Codes
    group_pair: Codes
    unit_swapped: Flags
    """Per unit: whether its first row was written the other way round. Labels are written like it."""
    unit_group: Codes
    unit_item: Codes
    unit_cluster: Codes
    criteria: tuple[str, ...]
    models: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]
    judges: tuple[str, ...]
    items: tuple[str, ...]

    def take(self, rows: Flags | Codes) -> "Columns":
        """Return the columns with some of the rows; the names and the units stay."""
        picked = {name: getattr(self, name)[rows] for name in _PER_ROW}
        rest = {name: getattr(self, name) for name in _WHOLE}
        return Columns(**picked, **rest)

    @property
    def judged(self) -> Flags:
        """Which rows have a verdict."""
        return self.verdict < FAILED


_PER_ROW: Final = (
    "unit", "group", "item", "cluster", "judge", "order", "verdict", "p_b", "len_a", "len_b", "swapped",
)  # fmt: skip
_WHOLE: Final = (
    "group_criterion", "group_pair", "unit_swapped", "unit_group", "unit_item", "unit_cluster",
    "criteria", "models", "pairs", "judges", "items",
)  # fmt: skip


def columns(rows: Sequence[VerdictRow], options: AnalysisOptions) -> Columns:
    """Return the rows as arrays. Rows of (A, B) and of (B, A) are of one pair, written as most rows are."""
    criterion, criteria = _coded(row.criterion for row in rows)
    model, models = _coded(name for row in rows for name in (row.model_a, row.model_b))
    pair, pairs, swapped = _pairs(model.reshape(-1, 2), len(models))
    item, items = _coded(row.item for row in rows)
    judge, judges = _coded(row.judge for row in rows)
    cluster, _ = _coded(_clusters(rows, options))
    group, group_first = _distinct(criterion * max(len(pairs), 1) + pair)
    unit, unit_first = _distinct(group * max(len(items), 1) + item)
    verdict = np.array([_VERDICTS[row.verdict] for row in rows], np.int64)
    order = np.array([_ORDERS[row.first] for row in rows], np.int64)
    p_b = _floats(row.p_b for row in rows)
    len_a, len_b = _floats(row.len_a for row in rows), _floats(row.len_b for row in rows)
    return Columns(
        unit=unit,
        group=group,
        item=item,
        cluster=cluster,
        judge=judge,
        order=np.where(swapped, _MIRROR[order], order),
        verdict=np.where(swapped, _MIRROR[verdict], verdict),
        p_b=np.where(swapped, 1 - p_b, p_b),
        len_a=np.where(swapped, len_b, len_a),
        len_b=np.where(swapped, len_a, len_b),
        swapped=swapped,
        group_criterion=criterion[group_first],
        group_pair=pair[group_first],
        unit_swapped=swapped[unit_first],
        unit_group=group[unit_first],
        unit_item=item[unit_first],
        unit_cluster=cluster[unit_first],
        criteria=criteria,
        models=models,
        pairs=pairs,
        judges=judges,
        items=items,
    )


def _coded(values: Iterable[object]) -> tuple[Codes, tuple[str, ...]]:
    """Return codes in order of first appearance, and the names."""
    found: dict[object, int] = {}
    codes = np.array([found.setdefault(value, len(found)) for value in values], np.int64)
    return codes, tuple(found)  # type: ignore[arg-type]  # clusters are pairs, and nobody reads their names


def _clusters(rows: Sequence[VerdictRow], options: AnalysisOptions) -> Iterable[tuple[str, str]]:
    """Return each row's cluster: as asked, else the next finer that it has."""
    by_character = options.cluster == "character"
    for row in rows:
        if by_character and row.character:
            yield ("character", row.character)
        elif row.cluster:
            yield ("cluster", row.cluster)
        else:
            yield ("item", row.item)


def _pairs(models: Codes, count: int) -> tuple[Codes, tuple[tuple[int, int], ...], Flags]:
    """Return each row's pair, the pairs (A, B), and which rows were written (B, A).

    A pair is written as most of its rows; as the first one where they are even.
    """
    low, high = models.min(axis=1, initial=count), models.max(axis=1, initial=0)
    pair, first = _distinct(low * max(count, 1) + high)
    as_first = models[:, 0] == models[first, 0][pair] if len(first) else np.zeros(0, np.bool_)
    votes = np.bincount(pair, weights=np.where(as_first, 1.0, -1.0), minlength=len(first))
    turned = votes < 0
    written = models[first]
    written[turned] = written[turned][:, ::-1]
    return pair, tuple((a, b) for a, b in written.tolist()), as_first == turned[pair]


def _distinct(keys: Codes) -> tuple[Codes, Codes]:
    """Return codes in order of first appearance, and the index of each one's first row."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    place = np.argsort(first)
    rank = np.empty(len(place), np.int64)
    rank[place] = np.arange(len(place))
    return rank[inverse], first[place]


def _floats(values: Iterable[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], np.float64)
