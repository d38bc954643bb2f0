"""Kinds of characters, as far as the rules care.

Emoji are Unicode's Extended_Pictographic from U+2190 up (below are ©, ® and old punctuation), regional
indicators, and the keycap's frame; what glues or modifies (U+200D, variation selectors, skin tones, tags,
every combining mark) belongs to the character before it.
"""

import re
from functools import lru_cache
from typing import Final, Literal

import regex

Kind = Literal[
    "newline", "space", "mark", "wide_mark", "closer", "emoji", "joiner", "wide", "thai", "word", "other"
]

_MARKS: Final = frozenset(".!?…‽؟۔।॥։።‼⁇⁈⁉")
_WIDE_MARKS: Final = frozenset("。！？．｡")
_CLOSERS: Final = frozenset("'”’»)]}）】」』〉》“›‹`_~")
_EMOJI: Final = regex.compile(
    r"[\p{Extended_Pictographic}--[\x00-\u218f]]|\p{Regional_Indicator}|\u20e3", regex.V1
)
_JOINER: Final = regex.compile(r"[\p{M}\p{Emoji_Modifier}\u200d\U000e0020-\U000e007f]", regex.V1)
_WIDE: Final = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}ー]", regex.V1)
_UNSPACED: Final = regex.compile(r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]", regex.V1)

LETTERS: Final = r"A-Za-z0-9\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0400-\u0481\u048a-\u052f"
"""Letters and digits of European scripts, as a character class has them: all of them are read alike."""
BETWEEN_WORDS: Final = " '’-"
"""What one word may follow another behind, in a row that is read at once."""
_FIRST_UNSPACED: Final = "\u0e00"
_EARLY_UNSPACED: Final = frozenset("\u02ea\u02eb")
"""Tone marks of Bopomofo, far from its letters."""
_SPACED_WORD: Final = re.compile(r"\S*?[^\W_]\S*")
"""A run between spaces that holds a letter or digit."""


@lru_cache(maxsize=8_192)
def kind_of(char: str) -> Kind:
    """Return what `char` is. Asterisks and straight quotation marks are `other`: only context can tell."""
    if char.isspace():
        return "newline" if char == "\n" else "space"
    if char in _MARKS or char in _WIDE_MARKS:
        return "mark" if char in _MARKS else "wide_mark"
    if char in _CLOSERS:
        return "closer"
    return _kind_of_sign(char)


def _kind_of_sign(char: str) -> Kind:
    if _EMOJI.match(char) and not _JOINER.match(char):
        return "emoji"
    if char == "\u20e3":
        return "emoji"
    if _JOINER.match(char):
        return "joiner"
    if _WIDE.match(char):
        return "wide"
    if _UNSPACED.match(char):
        return "thai"
    return "word" if char.isalnum() else "other"


class WordCount:
    """Counts runs between spaces that hold a letter, and every two letters of an unspaced script."""

    def __init__(self) -> None:
        self._runs = 0
        self._unspaced = 0
        self._inside = False

    def see(self, char: str) -> int:
        """Return how many words there are up to and with `char`."""
        kind = kind_of(char)
        if kind in {"wide", "thai"}:
            self._unspaced += 1
            self._inside = False
        elif kind in {"space", "newline"}:
            self._inside = False
        elif kind == "word" and not self._inside:
            self._runs += 1
            self._inside = True
        return self.total

    @property
    def total(self) -> int:
        """Words so far."""
        return self._runs + (self._unspaced + 1) // 2


def count_words(text: str) -> int:
    """Return the number of words in a text of any script."""
    if text.isascii() or (max(text) < _FIRST_UNSPACED and _EARLY_UNSPACED.isdisjoint(text)):
        return len(_SPACED_WORD.findall(text))
    words = WordCount()
    for char in text:
        words.see(char)
    return words.total
