"""Whether a reply keeps to how its character writes."""

from dataclasses import dataclass
from math import ceil, floor
from typing import Final, Literal

import regex

from repartee.domain.character import Style
from repartee.domain.guard.characters import count_words
from repartee.domain.text import Script, script_of

_ACTION: Final = regex.compile(r"(?<![\w*])\*{1,3}(?=[^\s*])[^*\n]*[^\s*]\*{1,3}(?![\w*])")
_CYRILLIC: Final = frozenset(
    ("ab", "ba", "be", "bg", "ce", "cv", "ky", "mk", "os", "ru", "sah", "tg", "tt", "uk")
)
_OTHER: Final = frozenset(
    (
        "am",
        "ar",
        "bn",
        "el",
        "fa",
        "gu",
        "he",
        "hi",
        "hy",
        "ja",
        "ka",
        "km",
        "kn",
        "ko",
        "lo",
        "ml",
        "mr",
        "my",
        "ne",
        "pa",
        "si",
        "ta",
        "te",
        "th",
        "ur",
        "yi",
        "zh",
    )
)
_TWO_SCRIPTS: Final = frozenset(("sr", "mn", "kk"))


@dataclass(frozen=True, slots=True)
class StyleViolation:
    """One broken rule. `found` and `allowed` are numbers of words or actions, or names of scripts."""

    rule: Literal["too_short", "too_long", "actions", "language"]
    found: int | Script
    allowed: int | Script


def check_style(
    text: str, style: Style, language: str | None = None, tolerance: float = 0.25
) -> list[StyleViolation]:
    """Return what breaks the style; an empty list where nothing does.

    `tolerance` widens the range of words at both ends. Actions break a style without them, speech breaks
    none. A language is told by the script of most letters: English for German is not noticed, and a language
    that is written in two scripts is not checked.
    """
    return [*_length(text, style, tolerance), *_actions(text, style), *_language(text, language)]


def _length(text: str, style: Style, tolerance: float) -> list[StyleViolation]:
    if not style.min_words and style.max_words is None:
        return []
    words = count_words(text)
    least = floor(style.min_words * (1 - tolerance))
    if words < least:
        return [StyleViolation("too_short", words, least)]
    most = None if style.max_words is None else ceil(style.max_words * (1 + tolerance))
    return [StyleViolation("too_long", words, most)] if most is not None and words > most else []


def _actions(text: str, style: Style) -> list[StyleViolation]:
    actions = len(_ACTION.findall(text)) if style.actions == "none" else 0
    return [StyleViolation("actions", actions, 0)] if actions else []


def _language(text: str, language: str | None) -> list[StyleViolation]:
    base = (language or "").split("-")[0]
    if not base or base in _TWO_SCRIPTS or not any(map(str.isalpha, text)):
        return []
    expected: Script = "cyrillic" if base in _CYRILLIC else "other" if base in _OTHER else "latin"
    found = script_of(text)
    return [] if found == expected else [StyleViolation("language", found, expected)]
