"""How often each side says what it must not: rates of tags and floor checks over the judged subjects."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from repartee_eval.cases import Case
from repartee_eval.decision import Floor, Level
from repartee_eval.judges.question import Unreadable
from repartee_eval.judges.reading import FlagReading
from repartee_eval.judges.rubrics import Flag
from repartee_eval.judges.subject import Subject
from repartee_eval.panel import Seat
from repartee_eval.runs.store_reader import StoreReader
from repartee_eval.statistics.proportions import Rate, rate_of

_LEVELS: Final[tuple[Level, ...]] = ("mild", "severe")


@dataclass(frozen=True, slots=True)
class Flagged:
    """What one side of one case raised. `readings` is None where the judge gave no answer.

    `subject` is the id of what was judged: equal texts have one id.
    """

    case: str
    side: Literal["a", "b"]
    subject: str
    readings: tuple[FlagReading, ...] | None


def subjects_of(case: Case) -> tuple[tuple[Literal["a", "b"], Subject], ...]:
    """Return both sides as subjects of their own."""
    return ("a", Subject.of_side(case, "a")), ("b", Subject.of_side(case, "b"))


def flagged(
    cases: Iterable[Case], seat: Seat, flags: Sequence[Flag], store: StoreReader
) -> tuple[Flagged, ...]:
    """Return what the judge's kept answers say of every side; sides not asked about are left out."""
    found = []
    for case in cases:
        for side, subject in subjects_of(case):
            readings = seat.flags(subject, flags, store)
            if readings is not None:
                known = None if isinstance(readings, Unreadable) else readings
                found.append(Flagged(case.id, side, subject.id, known))
    return tuple(found)


def floors_of(found: Iterable[Flagged], flags: Sequence[str], level: float) -> tuple[Floor, ...]:
    """Return the rates of every flag at both levels, A against B. Each text counts once per side."""
    distinct = {(one.side, one.subject): one for one in found if one.readings is not None}
    return tuple(
        Floor.of(flag, least, *(_rate(distinct.values(), side, flag, least, level) for side in ("a", "b")))
        for flag in flags
        for least in _LEVELS
    )


def _rate(found: Iterable[Flagged], side: str, flag: str, least: Level, level: float) -> Rate:
    levels = [
        reading.level
        for one in found
        if one.side == side
        for reading in one.readings or ()
        if reading.flag == flag
    ]
    hits = sum(each == "severe" or (least == "mild" and each == "mild") for each in levels)
    return rate_of(hits, len(levels), level)
