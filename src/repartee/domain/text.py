"""Bounded text types: what a caller may send, in one place."""

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, StringConstraints

_BREAKS_A_LINE = re.compile(r"[\t\n\r\x85\u200b\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
MESSAGE_CHARACTERS: Final = 32_000


def without_control_characters(text: str) -> str:
    """Return `text`, or raise ValueError if it holds a control character or a lone surrogate.

    Tab, line feed and carriage return are text.
    """
    if not text.isprintable() and _CONTROL.search(text):
        raise ValueError("must not contain control characters or lone surrogates")
    return text


def without_controls(text: str) -> str:
    """Return `text` with its control characters and lone surrogates left out."""
    return _CONTROL.sub("", text)


def on_one_line(text: str) -> str:
    """Return `text`, or raise ValueError if it holds a line break or a mark that turns the writing around.

    Names stand inside the prompt's own lines: one that brings lines along could pass for a section of it.
    """
    if _BREAKS_A_LINE.search(text):
        raise ValueError("must be on one line, without marks that change the direction of writing")
    return text


_Clean = AfterValidator(without_control_characters)
_OneLine = AfterValidator(on_one_line)

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128), _Clean, _OneLine
]
OptionalName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=128), _Clean, _OneLine]
MessageText = Annotated[str, StringConstraints(min_length=1, max_length=MESSAGE_CHARACTERS), _Clean]
CardText = Annotated[str, StringConstraints(max_length=65_536), _Clean]
ShortText = Annotated[str, StringConstraints(max_length=4_000), _Clean]
FactText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000), _Clean]

Script = Literal["latin", "cyrillic", "other"]


def script_of(text: str) -> Script:
    """Return the script of most letters; `latin` where there are none."""
    if text.isascii():
        return "latin"
    letters = Counter(_letter_script(character) for character in text if character.isalpha())
    return max(letters, key=lambda script: letters[script]) if letters else "latin"


@lru_cache(maxsize=1_024)
def _letter_script(letter: str) -> Script:
    name = unicodedata.name(letter, "")
    return "latin" if name.startswith("LATIN") else "cyrillic" if name.startswith("CYRILLIC") else "other"
