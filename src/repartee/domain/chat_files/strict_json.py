"""JSON of chat files: read strictly, written so that reading it gives the same value.

Duplicate keys, NaN, Infinity and lone surrogates are refused: they cannot be kept for every reader.
"""

import json
import math
from collections.abc import Iterator
from typing import Any, NoReturn

from repartee.domain.chat_files import limits
from repartee.domain.chat_files.limits import ChatError


def read_json(text: str, depth_limit: int = limits.DEPTH) -> Any:
    """Return the value. Raises ChatError; for a syntax error its place is the column, and the line
    where the text has several.
    """
    try:
        value = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_number, parse_float=_finite)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if "\n" in text else ""
        raise ChatError(f"is not JSON: {error.msg}", f"{line}column {error.colno}") from None
    except RecursionError:
        raise _too_deep(depth_limit) from None
    except ValueError:
        raise ChatError("a number is too long: shorten it") from None
    return checked(value, depth_limit)


def write_json(value: Any, indent: int | None = None) -> str:
    """Return the value as JSON, readable characters left as they are."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)


def checked(value: Any, depth_limit: int = limits.DEPTH) -> Any:
    """Return `value`, or raise ChatError if it is nested too deeply or holds half of a character."""
    for depth, part in _parts(value):
        if depth > depth_limit:
            raise _too_deep(depth_limit)
        if isinstance(part, str) and not part.isascii() and _has_lone_surrogate(part):
            raise ChatError("a text holds half of a character (a lone surrogate): remove it")
    return value


def as_object(value: Any) -> dict[str, Any]:
    """Return `value`, or raise ChatError if it is no JSON object."""
    if not isinstance(value, dict):
        raise ChatError("must be a JSON object")
    return value


def _too_deep(depth_limit: int) -> ChatError:
    return ChatError(f"is nested deeper than {depth_limit} levels: flatten it")


def _parts(value: Any) -> Iterator[tuple[int, Any]]:
    """Yield every key and value with its depth, without recursion."""
    left = [(0, value)]
    while left:
        depth, part = left.pop()
        yield depth, part
        if isinstance(part, dict):
            left.extend((depth + 1, item) for pair in part.items() for item in pair)
        elif isinstance(part, list):
            left.extend((depth + 1, item) for item in part)


def _has_lone_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ChatError("an object has the same key twice: keep one of them")
    return found


def _no_number(_: str) -> NoReturn:
    raise ChatError("NaN and Infinity are no JSON: write a number or null")


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ChatError("a number is too large: shorten it")
    return value
