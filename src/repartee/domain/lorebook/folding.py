"""Letters as keys see them: folded in every script, and where a word ends in scripts that have words."""

import re
import unicodedata
from typing import Final

_DOT_ABOVE_I: Final = "i\u0307"
_UNSPACED: Final = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u0f00-\u0fff"  # Tibetan
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"  # Myanmar
    "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"  # Hangul, whose particles join the word
    "\u1780-\u17ff"  # Khmer
    "\u1950-\u19df\u1a20-\u1aaf"  # Tai Le, New Tai Lue, Tai Tham
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\u3031-\u3035\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff\uff66-\uff9f"  # Kana, Bopomofo
    "\ua000-\ua4cf"  # Yi
    "\U00016fe0-\U00018fff\U0001b000-\U0001b2ff\U00020000-\U0003ffff"  # Tangut, more Kana, more Han
    "]"
)


def composed(text: str) -> str:
    """Return the text with letters and their accents in one character where there is one (NFC)."""
    return unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """Return the text without letter case. The four i's of Turkish are one letter here.

    >>> folded("İSTANBUL") == folded("istanbul") == folded("ıstanbul")
    True
    """
    return composed(text.casefold()).replace(_DOT_ABOVE_I, "i").replace("ı", "i")


def continues_word(character: str) -> bool:
    """Say whether a word goes on with this character: never so in a script without spaces.

    Marks count as well: the vowel signs of Devanagari or Arabic are part of their word.
    """
    if character.isalnum() or character == "_":
        return _UNSPACED.match(character) is None
    return unicodedata.category(character)[0] == "M" and _UNSPACED.match(character) is None


def guards(key: str) -> tuple[bool, bool]:
    """Say whether a whole-word match must be checked before the key and after it.

    A key of several words is searched as it is, and an end in a script without spaces needs no boundary.
    """
    if not key or any(character.isspace() for character in key):
        return False, False
    return _UNSPACED.match(key[0]) is None, _UNSPACED.match(key[-1]) is None


def stands_alone(text: str, key: str, before: bool, after: bool) -> tuple[bool, int]:
    """Say whether `key` occurs in `text` as a word of its own, and how many places were looked at."""
    looked = 0
    at = text.find(key)
    while at >= 0:
        looked += 1
        end = at + len(key)
        opens = not before or at == 0 or not continues_word(text[at - 1])
        if opens and (not after or end == len(text) or not continues_word(text[end])):
            return True, looked
        at = text.find(key, at + 1)
    return False, looked
