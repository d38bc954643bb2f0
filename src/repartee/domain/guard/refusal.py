"""Replies in which the model speaks instead of the character, in English and Russian.

Precision first: a character may be sorry, may refuse, and may be a machine. What counts is the vocabulary of
assistants ("assist with that request", "content policy", "as an AI language model"), and a bare apology that
opens the reply and gives no reason. An apology behind an action does not open it.
"""

from typing import Final

import regex

from repartee.domain.guard import refusal_english, refusal_russian

_OPENING: Final = 400
"""Where models decline; further on a reply has begun."""


def _any_of(*patterns: str) -> "regex.Pattern[str]":
    return regex.compile("|".join(f"(?:{pattern})" for pattern in patterns), regex.IGNORECASE | regex.V0)


_REFUSAL: Final = _any_of(*refusal_english.REFUSALS, *refusal_russian.REFUSALS)
_IN_REFUSALS: Final = (*refusal_english.REFUSAL_STEMS, *refusal_russian.REFUSAL_STEMS)
_OUT_OF_ROLE_STEMS: Final = (*refusal_english.OUT_OF_ROLE_STEMS, *refusal_russian.OUT_OF_ROLE_STEMS)
_ALL_STEMS: Final = tuple(dict.fromkeys((*_IN_REFUSALS, *_OUT_OF_ROLE_STEMS)))
_ASCII_STEMS: Final = tuple(filter(str.isascii, _ALL_STEMS))
_OUT_OF_ROLE: Final = _any_of(*refusal_english.OUT_OF_ROLE, *refusal_russian.OUT_OF_ROLE)


def refuses(text: str) -> bool:
    """Return whether the model declines, in its opening, to write what it was asked for."""
    opening = text.strip()[:_OPENING]
    return _holds(opening, _IN_REFUSALS) and _REFUSAL.search(opening) is not None


def leaves_role(text: str) -> bool:
    """Return whether the model speaks of itself as what it is, anywhere in the reply."""
    return _holds(text, _OUT_OF_ROLE_STEMS) and _OUT_OF_ROLE.search(text) is not None


def is_in_role(text: str) -> bool:
    """Return whether the text neither refuses nor leaves the role, as far as one look at it can tell."""
    return not _holds(text, _ASCII_STEMS if text.isascii() else _ALL_STEMS)


def _holds(text: str, stems: tuple[str, ...]) -> bool:
    """Whether a pattern can fit at all: looking for words is thirty times quicker than for patterns."""
    folded = text.casefold()
    for stem in stems:  # noqa: SIM110  # a loop takes half the time of a generator
        if stem in folded:
            return True
    return False
