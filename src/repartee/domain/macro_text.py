"""Where the macros of a text begin and end: one look from left to right, however the braces are nested."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

DEEPEST: Final = 8
"""How many macros may stand inside each other; those around deeper ones stay text."""

_MARKS: Final = re.compile(r"\{{2,}|\}{2,}|<(?:USER|BOT|CHAR)>", re.IGNORECASE)
_BARE: Final = re.compile(r"\{\{\s*([A-Za-z_]{1,32})\s*\}\}|<(?i:(USER)|BOT|CHAR)>")
_NAME: Final = re.compile(r"\s*(?:(//)|([A-Za-z_]{1,32})(?:(\s*::?|[ ](?=\w))|\s*(?=\}\})))")


class Mark(NamedTuple):
    """`{{` (open), `}}` (close) or `<USER>` (tag) at `start`.

    An open mark that belongs to a macro has its `name`; `argument` is where its argument begins, None where
    it has none. The close mark that belongs to it has the name as well.
    """

    kind: Literal["open", "close", "tag"]
    start: int
    end: int
    name: str = ""
    argument: int | None = None


def may_hold_marks(text: str) -> bool:
    """Say whether a text may hold any mark. One character is found far quicker than two."""
    return "{" in text or "}" in text or "<" in text


def marks(text: str) -> list[Mark]:
    """Return the marks in order, each macro's own two named; braces without a partner have no name."""
    if not may_hold_marks(text) or ("{{" not in text and "}}" not in text and "<" not in text):
        return []
    found = list(_bare_marks(text))
    waiting: list[int] = []
    heights: list[int] = []
    for index, mark in enumerate(found):
        if mark.kind == "open":
            waiting.append(index)
            heights.append(0)
        elif mark.kind == "close" and waiting:
            opened = waiting.pop()
            height = heights.pop() + 1
            if heights:
                heights[-1] = max(heights[-1], height)
            if height <= DEEPEST:
                _name_pair(text, found, opened, index)
    return found


def bare_macros(text: str) -> dict[str, str] | None:
    """Return how each macro is written and its name, where the text has no other braces; else None.

    Such macros have no argument and stand in nothing: what they are needs no look at what is around them.
    """
    found: dict[str, str] = {}
    braces = 0
    for match in _BARE.finditer(text):
        written, name, tag = match.group(0, 1, 2)
        braces += 2 if name else 0
        found[written] = name.lower() if name else "user" if tag else "char"
    return found if text.count("{") == text.count("}") == braces else None


def with_values(text: str, values: Mapping[str, str]) -> str:
    """Return the text with each of `bare_macros` replaced by the value of how it is written."""
    return _BARE.sub(lambda match: values[match[0]], text)


def _name_pair(text: str, found: list[Mark], opened: int, closed: int) -> None:
    found[opened] = _named(text, found[opened])
    start, end = found[closed][1:3]
    found[closed] = Mark("close", start, end, found[opened].name)


def _bare_marks(text: str) -> Iterator[Mark]:
    for match in _MARKS.finditer(text):
        start, end = match.span()
        if text[start] == "{":
            for at in range(start + (end - start) % 2, end, 2):
                yield Mark("open", at, at + 2)
        elif text[start] == "}":
            for at in range(start, end - 1, 2):
                yield Mark("close", at, at + 2)
        else:
            yield Mark("tag", start, end, "user" if text[start + 1] in "uU" else "char")


def _named(text: str, mark: Mark) -> Mark:
    match = _NAME.match(text, mark.end)
    if match is None:
        return mark
    if match[1]:
        return Mark("open", mark.start, mark.end, "//", match.end())
    return Mark("open", mark.start, mark.end, match[2].lower(), match.end() if match[3] else None)
