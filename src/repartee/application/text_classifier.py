"""A linear classifier of short texts: hashed runs of characters, one logistic regression per label.

It is small enough for every message of a day, and reads any script. The same code makes the features when it
is trained and when it is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Level = Literal["none", "mild", "severe"]
Floats = NDArray[np.float32]

_PRIME: Final = np.uint64(1_099_511_628_211)
_MIX: Final = np.uint64(0x9E37_79B9_7F4A_7C15)
_TOP_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class RunFeatures:
    """Which runs are counted: `shortest` to `longest` characters, of the first `max_characters`.

    A run falls into one of 2 ** `buckets_log2` buckets.
    """

    shortest: int
    longest: int
    buckets_log2: int
    max_characters: int

    @property
    def buckets(self) -> int:
        """How many there are."""
        return 1 << self.buckets_log2

    def counts(self, text: str) -> tuple[NDArray[np.int64], Floats]:
        """Return the buckets that occur, ascending, and 1 + ln(count) of each.

        Case is folded, white space is one blank, and a blank stands at both ends. A run's bucket is the top
        bits of its polynomial hash over the code points, multiplied (Fibonacci hashing).
        """
        clean = " ".join(text[: self.max_characters].casefold().split())
        codes = np.frombuffer(f" {clean} ".encode("utf-32-le", "replace"), np.uint32).astype(np.uint64)
        found = [
            self._hashed(codes, size) for size in range(self.shortest, self.longest + 1) if size <= len(codes)
        ]
        if not found:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        buckets, counts = np.unique(np.concatenate(found), return_counts=True)
        return buckets.astype(np.int64), (1 + np.log(counts)).astype(np.float32)

    def _hashed(self, codes: NDArray[np.uint64], size: int) -> NDArray[np.uint64]:
        windows = len(codes) - size + 1
        hashed = np.full(windows, size, np.uint64)
        for offset in range(size):
            hashed = hashed * _PRIME + codes[offset : offset + windows]  # wraps around at 64 bits
        return (hashed * _MIX) >> np.uint64(_TOP_BITS - self.buckets_log2)


@dataclass(frozen=True, slots=True)
class Label:
    """A tag, from a score above `threshold` on; `severe` labels count only where the tag is raised."""

    tag: str
    level: Literal["mild", "severe"]
    threshold: float


@dataclass(frozen=True, slots=True)
class TagFound:
    """What was found of a tag; `score` is the probability that it is raised."""

    level: Level
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class TextClassifier:
    """`weights` has shape (labels, buckets), `bias` (labels,), `idf` (buckets,)."""

    id: str
    features: RunFeatures
    labels: tuple[Label, ...]
    weights: Floats
    bias: Floats
    idf: Floats

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that it knows."""
        return tuple(label.tag for label in self.labels if label.level == "mild")

    def scores(self, text: str) -> Floats:
        """Return the probability of each label."""
        buckets, values = self.features.counts(text)
        weighted = values * self.idf[buckets]
        length = float(np.linalg.norm(weighted)) or 1.0
        margin = self.weights[:, buckets].astype(np.float32) @ (weighted / np.float32(length)) + self.bias
        chance: Floats = (0.5 + 0.5 * np.tanh(margin / 2)).astype(np.float32)
        return chance

    def found(self, text: str) -> dict[str, TagFound]:
        """Return every tag with its level."""
        return levels_of(self.labels, self.scores(text))


def levels_of(labels: Sequence[Label], scores: Floats) -> dict[str, TagFound]:
    """Return the level of each tag from the labels' scores, in the labels' order."""
    above = {
        (label.tag, label.level): bool(score > label.threshold)
        for label, score in zip(labels, scores, strict=True)
    }
    found = {}
    for label, score in zip(labels, scores, strict=True):
        if label.level == "mild":
            level: Level = "mild" if above[label.tag, "mild"] else "none"
            if level == "mild" and above.get((label.tag, "severe")):
                level = "severe"
            found[label.tag] = TagFound(level, float(score))
    return found
