"""Regular expressions as keys: JavaScript's `/…/flags`, compiled once, with limits on what they may cost.

A pattern comes from a card of anybody: one that is wrong, or whose counted repeats multiply beyond
`MOST_REPEATS`, is no pattern, and a search has a time limit.
"""

import re
from functools import lru_cache
from math import prod
from typing import Final

import regex

MOST_REPEATS: Final = 20_000

_SLASHED: Final = re.compile(r"/((?:[^\\/]|\\.)+)/([a-z]*)", re.DOTALL)
_FLAGS: Final = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL}
_IGNORED_FLAGS: Final = frozenset("gudyv")
_ESCAPE: Final = re.compile(r"\\(?:[pPxu]\{[^{}]*\}|.)", re.DOTALL)
_CLASS: Final = re.compile(r"\[\^?\]?[^\]]*\]")
_REPEAT: Final = re.compile(r"(.?)\{(\d{1,6})(,?)(\d{0,6})\}", re.DOTALL)
_GROUP: Final = re.compile(r"\(\?(?!:|=|!|<=|<!|>|P?<[A-Za-z_]\w*>|P=|[imsx]{1,4}(?:-[imsx]{1,4})?[:)])")

Pattern = regex.Pattern[str]


def slashed(key: str) -> tuple[str, int] | None:
    """Return pattern and flags of a key written `/…/flags`; None for any other key."""
    found = _SLASHED.fullmatch(key)
    if found is None or not set(found[2]) <= _FLAGS.keys() | _IGNORED_FLAGS:
        return None
    flags = 0
    for letter in found[2]:
        flags |= _FLAGS.get(letter, 0)
    return found[1], flags


@lru_cache(maxsize=8_192)
def compiled_pattern(pattern: str, flags: int) -> Pattern | None:
    """Return the pattern ready to search; None for one that is wrong or costs too much."""
    if not _is_affordable(pattern):
        return None
    try:
        return regex.compile(pattern.replace(r"\k<", r"\g<"), flags)
    except (regex.error, ValueError, OverflowError, RecursionError, LookupError, TypeError):
        return None


def _is_affordable(pattern: str) -> bool:
    """Look at the repeats, and refuse what only this library's own syntax has: recursion, fuzzy matching."""
    bare = _CLASS.sub("x", _ESCAPE.sub("x", pattern))
    if _GROUP.search(bare) or "{" in _REPEAT.sub("", bare):
        return False
    repeats = [(found[1], int(found[4] or found[2])) for found in _REPEAT.finditer(bare)]
    of_groups = prod(count or 1 for before, count in repeats if before in {")", "}"})
    of_letters = max((count for before, count in repeats if before not in {")", "}"}), default=1)
    return of_groups * max(of_letters, 1) <= MOST_REPEATS
