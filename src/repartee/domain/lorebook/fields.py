"""Values as card files have them, read leniently: `"4"` and `true` where a number is meant, null, lists.

Each function takes the value and the value to use where it is missing or senseless. Only what is too large
to take is an error, raised where the field's name is known.
"""

import math
from collections.abc import Mapping
from typing import Any

Raw = Mapping[str, Any]


def first(raws: tuple[Raw, ...], *names: str) -> Any:
    """Return the first value that is there and not null, looking for each name in each object in turn."""
    return next((raw[name] for raw in raws for name in names if raw.get(name) is not None), None)


def number(value: Any, otherwise: float) -> float:
    """Return a finite number; numbers in quotes count."""
    try:
        read = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return otherwise
    return read if math.isfinite(read) else otherwise


def whole(value: Any, otherwise: int, low: int, high: int) -> int:
    """Return a whole number between `low` and `high`, the nearer of them for one outside."""
    return int(min(max(number(value, otherwise), low), high))


def optional_whole(value: Any, low: int, high: int) -> int | None:
    """Return a whole number as `whole` does, None where there is none."""
    read = number(value, math.inf)
    return None if math.isinf(read) else whole(read, low, low, high)


def flag(value: Any, *, otherwise: bool) -> bool:
    """Return a truth value; 0, 1 and the words in quotes count."""
    read = optional_flag(value)
    return otherwise if read is None else read


def optional_flag(value: Any) -> bool | None:
    """Return a truth value, None where there is none."""
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.strip().lower())
    return bool(value) if isinstance(value, bool | int | float) else None


def text(value: Any) -> str:
    """Return the text; numbers are written out, anything else is none."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def texts(value: Any) -> tuple[str, ...]:
    """Return the trimmed texts of a list, or of one text with commas between them, without empty ones."""
    if isinstance(value, str):
        value = value.split(",")
    found = map(text, value) if isinstance(value, list | tuple) else ()
    return tuple(trimmed for one in found if (trimmed := one.strip()))
