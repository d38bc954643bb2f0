"""Days that are named by their distance from today, in English and Russian: `next Friday` → its date.

A fact outlives the day on which it was said, so the date is written behind the words. `next Friday` is the
one of the week after this (Monday first); `on Friday` and `this Friday` are the nearest that is not past.
"""

import re
from datetime import date, timedelta
from typing import Final

_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_RUSSIAN_DAYS: Final = ("понедельник", "вторник", "сред", "четверг", "пятниц", "суббот", "воскресень")
_NEAR: Final = {
    "the day after tomorrow": 2,
    "the day before yesterday": -2,
    "tomorrow": 1,
    "yesterday": -1,
    "tonight": 0,
    "today": 0,
    "послезавтра": 2,
    "позавчера": -2,
    "завтра": 1,
    "вчера": -1,
    "сегодня": 0,
}
_NEARBY: Final = re.compile(rf"\b(?:{'|'.join(_NEAR)})\b", re.IGNORECASE)
_ENGLISH: Final = re.compile(rf"\b(next|this|on|last)\s+({'|'.join(_WEEKDAYS)})\b", re.IGNORECASE)
_RUSSIAN: Final = re.compile(
    rf"\bво?\s+(?:(следующ\w+|прошл\w+|эт\w+|ближайш\w+)\s+)?((?:{'|'.join(_RUSSIAN_DAYS)})\w*)",
    re.IGNORECASE,
)
_ISO_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def with_dates(text: str, today: date) -> str:
    """Return `text` with the date behind each such day; a text that has a date already stays as it is.

    >>> with_dates("Maya has an exam next Friday.", date(2026, 11, 20))
    'Maya has an exam next Friday (2026-11-27).'
    """
    if _ISO_DATE.search(text):
        return text
    text = _NEARBY.sub(lambda day: _dated(day[0], today + timedelta(_NEAR[day[0].lower()])), text)
    text = _ENGLISH.sub(
        lambda day: _dated(day[0], _weekday(day[1].lower(), _WEEKDAYS.index(day[2].lower()), today)), text
    )
    return _RUSSIAN.sub(lambda day: _dated(day[0], _weekday(_which(day[1]), _russian(day[2]), today)), text)


def _dated(words: str, day: date) -> str:
    return f"{words} ({day.isoformat()})"


def _weekday(which: str, wanted: int, today: date) -> date:
    monday = today - timedelta(today.weekday())
    if which == "next":
        return monday + timedelta(7 + wanted)
    if which == "last":
        return monday + timedelta(wanted - 7)
    return today + timedelta((wanted - today.weekday()) % 7)


def _which(word: str | None) -> str:
    start = (word or "").lower()[:5]
    return {"следу": "next", "прошл": "last"}.get(start, "this")


def _russian(word: str) -> int:
    return next(place for place, stem in enumerate(_RUSSIAN_DAYS) if word.lower().startswith(stem))
