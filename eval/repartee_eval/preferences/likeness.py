"""How alike two texts are: Jaccard index of their sets of five-character runs."""

import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from repartee_eval.dialogues.fingerprints import normalised
from repartee_eval.dialogues.near_duplicates import alike_pairs

NEAR: Final = 0.85
"""From here on two texts say the same: such pairs lower the chosen reply's probability (arXiv 2410.08847)."""
_RUN: Final = 5
_NO_WORD: Final = re.compile(r"[\W_]+")
_LOOK_ALIKE: Final = str.maketrans("аеёорсухіјѕԁһкмтвнαορνικτ", "aeeopcyxijsdhkmtbhaopvikt")
"""Cyrillic and Greek small letters by the Latin ones that they are mistaken for."""


def laid_bare(text: str) -> str:
    """Return a text in NFKC, without characters that nobody sees: zero-width ones, joiners, soft hyphens.

    >>> laid_bare("＜|im_\\u200bend|＞")
    '<|im_end|>'
    """
    composed = unicodedata.normalize("NFKC", text)
    if composed.isascii():
        return composed
    return "".join(letter for letter in composed if unicodedata.category(letter) != "Cf")


def folded(text: str) -> str:
    """Return what a text says to the eye: no capitals, punctuation or unseen characters, one alphabet.

    Texts of punctuation alone stay as they are. It is for comparing, not for reading.

    >>> folded("«Тест» -- THE test!") == folded("tест the test")
    True
    """
    seen = normalised(laid_bare(text))
    return " ".join(_NO_WORD.sub(" ", seen.translate(_LOOK_ALIKE)).split()) or seen


def character_runs(text: str) -> frozenset[int]:
    """Return hashes of the runs of five characters of what is `folded`; never empty."""
    said = folded(text)
    return frozenset(zlib.crc32(said[at : at + _RUN].encode()) for at in range(max(1, len(said) - _RUN + 1)))


def likeness(one: str, other: str) -> float:
    """Return the Jaccard index, 0 to 1."""
    first, second = character_runs(one), character_runs(other)
    return len(first & second) / len(first | second)


def near_pairs(texts: Sequence[str], least: float = NEAR) -> Iterator[tuple[int, int]]:
    """Yield pairs of places of texts that are at least so alike (0.5 to 1), found by MinHash."""
    return alike_pairs([character_runs(text) for text in texts], least)
