from datetime import date

import pytest

from repartee.domain.memory.dates import with_dates

FRIDAY = date(2026, 11, 20)
WEDNESDAY = date(2026, 11, 18)


@pytest.mark.parametrize(
    ("text", "today", "expected"),
    [
        ("on Friday", FRIDAY, "2026-11-20"),
        ("this Friday", WEDNESDAY, "2026-11-20"),
        ("next Friday", FRIDAY, "2026-11-27"),
        ("next Friday", WEDNESDAY, "2026-11-27"),
        ("next Monday", date(2026, 11, 22), "2026-11-23"),
        ("last Friday", WEDNESDAY, "2026-11-13"),
        ("the day after tomorrow", date(2026, 12, 31), "2027-01-02"),
        ("Yesterday", date(2028, 3, 1), "2028-02-29"),
        ("в следующую среду", FRIDAY, "2026-11-25"),
        ("во вторник", FRIDAY, "2026-11-24"),
        ("в прошлую субботу", FRIDAY, "2026-11-14"),
        ("позавчера", FRIDAY, "2026-11-18"),
    ],
)
def test_a_day_gets_its_date(text: str, today: date, expected: str) -> None:
    assert with_dates(f"It was {text}, then", today) == f"It was {text} ({expected}), then"


@pytest.mark.parametrize(
    "text",
    ["Has tea every Friday", "moved tomorrow, 2026-11-21", "works Fridays", "сегодняшний день", "среда"],
)
def test_other_texts_stay(text: str) -> None:
    assert with_dates(text, FRIDAY) == text
