"""How alike two texts are: Jaccard index of their sets of five-character runs."""

import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from repartee_eval.dialogues.fingerprints import normalised
from repartee_eval.dialogues.near_duplicates import alike_pairs

NEAR: Final = 0.85
"""From here on two texts say the same: such pairs lower the chosen reply's probability (arXiv 2410.08847)."""
_RUN: Final = 5


def character_runs(text: str) -> frozenset[int]:
    """Return hashes of the runs of five characters, spacing and capitals evened out; never empty."""
    said = normalised(text)
    return frozenset(zlib.crc32(said[at : at + _RUN].encode()) for at in range(max(1, len(said) - _RUN + 1)))


def likeness(one: str, other: str) -> float:
    """Return the Jaccard index, 0 to 1."""
    first, second = character_runs(one), character_runs(other)
    return len(first & second) / len(first | second)


def near_pairs(texts: Sequence[str], least: float = NEAR) -> Iterator[tuple[int, int]]:
    """Yield pairs of places of texts that are at least so alike (0.5 to 1), found by MinHash."""
    return alike_pairs([character_runs(text) for text in texts], least)
