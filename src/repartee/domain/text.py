"""Bounded text types: what a caller may send, in one place."""

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def without_control_characters(text: str) -> str:
    """Return `text`, or raise ValueError if it holds a control character or a lone surrogate.

    Tab, line feed and carriage return are text.
    """
    if _CONTROL.search(text):
        raise ValueError("must not contain control characters or lone surrogates")
    return text


_Clean = AfterValidator(without_control_characters)

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128), _Clean]
MessageText = Annotated[str, StringConstraints(min_length=1, max_length=32_000), _Clean]
CardText = Annotated[str, StringConstraints(max_length=65_536), _Clean]
ShortText = Annotated[str, StringConstraints(max_length=4_000), _Clean]
FactText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000), _Clean]
