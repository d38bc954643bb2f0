"""Groups of dialogues that say nearly the same.

Likeness is the Jaccard index of the sets of five-word runs. MinHash with banding (Broder 1997; Leskovec,
Rajaraman and Ullman, Mining of Massive Datasets, ch. 3) finds the pairs worth comparing; each is then
compared exactly.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from repartee_eval.dialogues.dialogue import Dialogue
from repartee_eval.dialogues.fingerprints import shingles

LIKENESS: Final = 0.8
_BANDS: Final = 32
_AT_ONCE: Final = 16_384  # runs hashed together, 16 MiB: one text of megabytes must not take gigabytes
_ROWS: Final = 4  # a pair at 0.8 shares a band with probability 1 - (1 - 0.8**4)**32, all but 5e-8


def near_duplicate_groups(dialogues: Sequence[Dialogue], likeness: float = LIKENESS) -> list[int]:
    """Return a group number for each dialogue; those of one group are linked by pairs at least so alike.

    Raises ValueError for a likeness that is not between 0.5 and 1: below, banding would miss pairs.
    """
    if not 0.5 <= likeness <= 1:
        raise ValueError("likeness: must be between 0.5 and 1")
    return linked(len(dialogues), alike_pairs([shingles(dialogue) for dialogue in dialogues], likeness))


def alike_pairs(sets: Sequence[frozenset[int]], likeness: float) -> Iterator[tuple[int, int]]:
    """Yield the pairs of places whose sets, none of them empty, are at least so alike: 0.5 to 1."""
    return (pair for pair in _candidates(sets) if _alike(sets[pair[0]], sets[pair[1]], likeness))


def linked(count: int, edges: Iterator[tuple[int, int]]) -> list[int]:
    """Return the connected component of each of `count` things."""
    pairs = np.array(list(edges), dtype=np.int64).reshape(-1, 2)
    ones = np.ones(len(pairs), dtype=np.int8)
    _, labels = connected_components(
        coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(count, count)), False
    )
    return [int(label) for label in labels]


def _candidates(sets: Sequence[frozenset[int]]) -> Iterator[tuple[int, int]]:
    """Yield pairs that share a band, each once."""
    seen: set[tuple[int, int]] = set()
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for place, runs in enumerate(sets):
        for band, rows in enumerate(_signature(runs).reshape(_BANDS, _ROWS)):
            bucket = buckets[band, rows.tobytes()]
            fresh = {(other, place) for other in bucket} - seen
            seen |= fresh
            bucket.append(place)
            yield from fresh


def _signature(runs: frozenset[int]) -> NDArray[np.uint64]:
    """Return the minima, (bands · rows,), of as many hash functions over the runs."""
    values = np.fromiter(runs, dtype=np.uint64, count=len(runs))
    parts = [_minima(values[at : at + _AT_ONCE]) for at in range(0, len(values), _AT_ONCE)]
    least: NDArray[np.uint64] = np.minimum.reduce(parts)
    return least


def _minima(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        hashes = values[None, :] * _FACTORS[:, None] + _OFFSETS[:, None]
    mixed: NDArray[np.uint64] = (hashes ^ (hashes >> np.uint64(29))) >> np.uint64(8)
    minima: NDArray[np.uint64] = mixed.min(axis=1)
    return minima


def _alike(one: frozenset[int], other: frozenset[int], likeness: float) -> bool:
    shared = len(one & other)
    return shared >= likeness * (len(one) + len(other) - shared)


_RANDOM: Final = np.random.default_rng(20_260)
_FACTORS: Final = _RANDOM.integers(0, 2**63, _BANDS * _ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_OFFSETS: Final = _RANDOM.integers(0, 2**63, _BANDS * _ROWS, dtype=np.uint64)
