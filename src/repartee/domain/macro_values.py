"""What a macro stands for where that needs a rule: dice, choices, the clock, time since a message."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DICE: Final = re.compile(r"(?:(\d{1,4})?d)?(\d{1,9})([+-]\d{1,9})?", re.IGNORECASE | re.ASCII)
_MOST_DICE: Final = 1_000

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_MONTH: Final = 30.437 * _DAY
_YEAR: Final = 365.25 * _DAY
_DURATIONS: Final = (
    (45, 1, "a few seconds"),
    (90, 1, "a minute"),
    (44.5 * _MINUTE, _MINUTE, "{} minutes"),
    (1.5 * _HOUR, 1, "an hour"),
    (21.5 * _HOUR, _HOUR, "{} hours"),
    (1.5 * _DAY, 1, "a day"),
    (25.5 * _DAY, _DAY, "{} days"),
    (1.5 * _MONTH, 1, "a month"),
    (10.5 * _MONTH, _MONTH, "{} months"),
    (1.5 * _YEAR, 1, "a year"),
)


def rolled(dice: str, chance_of: Callable[[int], float]) -> str | None:
    """Return the sum of `N`, `dN` or `2d6+1`; None for what is no such thing. At most 1,000 dice.

    `chance_of(n)` is the chance of the nth die, in [0, 1).
    """
    asked = _DICE.fullmatch(dice.strip())
    if asked is None:
        return None
    number, sides = int(asked[1] or 1), int(asked[2])
    if not 1 <= number <= _MOST_DICE or sides < 1:
        return None
    return str(sum(1 + int(chance_of(die) * sides) for die in range(number)) + int(asked[3] or 0))


def moment(macro: str, now: datetime) -> str:
    """Return `time` (3:45 PM), `date` (September 4, 2026), `weekday`, `isodate` or `isotime` (15:45)."""
    match macro:
        case "time":
            return f"{now.hour % 12 or 12}:{now.minute:02} {'AM' if now.hour < 12 else 'PM'}"
        case "date":
            return f"{_MONTHS[now.month - 1]} {now.day}, {now.year}"
        case "weekday":
            return _DAYS[now.weekday()]
        case "isodate":
            return now.date().isoformat()
        case _:
            return f"{now.hour:02}:{now.minute:02}"


def in_words(duration: timedelta) -> str:
    """Return the duration as people say it: `a few seconds`, `5 minutes`, `an hour`, `3 days`."""
    seconds = abs(duration.total_seconds())
    for below, unit, words in _DURATIONS:
        if seconds < below:
            return words.format(round(seconds / unit))
    return f"{round(seconds / _YEAR)} years"


def options(argument: Iterable[tuple[str, bool]]) -> list[str]:
    r"""Return the trimmed choices of `a,b` or `a::b`; a comma written `\,` belongs to its choice.

    The argument comes in pieces; those marked True are the card's own text, the others are values that
    stood in it, and a value is never split.
    """
    pieces = list(argument)
    separator = r"::" if any(own and "::" in text for text, own in pieces) else r"(?<!\\),"
    choices: list[list[str]] = [[]]
    for text, own in pieces:
        parts = re.split(separator, text) if own else [text]
        choices[-1].append(_unescaped(parts[0], own))
        choices.extend([_unescaped(part, own)] for part in parts[1:])
    return ["".join(choice).strip() for choice in choices]


def _unescaped(text: str, own: bool) -> str:
    return text.replace(r"\,", ",") if own else text
