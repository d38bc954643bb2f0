"""Text from outside made harmless to whatever shows it: none of it is a command to a page or a terminal."""

import re
from html import escape
from typing import Final

_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Control characters but tab and line ends, halves of surrogate pairs, and what XML 1.0 has no place for."""
_TURNS: Final = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
"""Marks that turn the direction of what follows (UAX #9)."""


def printable(text: str) -> str:
    """Return the text with a replacement character for each that cannot be shown or written."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """Return the text on one line, without marks that turn directions."""
    return " ".join(_TURNS.sub("", printable(text)).split())


def html_text(value: object) -> str:
    """Return the value as HTML text that also fits between quotes."""
    return escape(printable(str(value)))


def markdown_cell(text: str) -> str:
    """Return the text as part of a table's cell or of a sentence: no markup, no mention, no link."""
    escaped = re.sub(r"([\\`*\[\]<>|~&]|(?<!\w)_|_(?!\w))", r"\\\1", one_line(text))
    return re.sub(r"(@|:(?=//)|\bwww(?=\.))", "\\1\N{ZERO WIDTH SPACE}", escaped, flags=re.IGNORECASE)
