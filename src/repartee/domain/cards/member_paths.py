"""Paths of what is embedded in a card: relative, inside the card, on every system."""

import re
from typing import Final

from repartee.domain.cards import limits
from repartee.domain.cards.limits import CardError

_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f\\:\ud800-\udfff]")


def checked_path(path: str, place: str) -> str:
    """Return a path that stays inside. Raises CardError, which does not quote it.

    >>> checked_path("assets/icon/images/main.png", "CHARX")
    'assets/icon/images/main.png'
    """
    if not 0 < len(path) <= limits.PATH_CHARACTERS:
        raise CardError(place, f"an asset's path must have 1 to {limits.PATH_CHARACTERS} characters")
    if _UNSAFE.search(path):
        raise CardError(place, "an asset's path holds a backslash, a colon or a control character: rename it")
    if {"..", ".", ""} & set(path.split("/")):  # an absolute path begins with an empty part
        raise CardError(place, "an asset's path leads out of the card (absolute, or with `..`): rename it")
    return path
