"""Which notices are due, from times alone: nothing is remembered between requests."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

AgeBand = Literal["adult", "minor", "unknown"]
NoticeKind = Literal["ai_disclosure", "break_reminder", "crisis_resources"]
CLOCKS_APART: Final = timedelta(minutes=5)
"""How far a time of the request may lie ahead of this machine's clock."""


@dataclass(frozen=True, slots=True)
class Session:
    """What the request says about the sitting; times have a zone. `opening`: no word of the character yet."""

    age_band: AgeBand = "unknown"
    jurisdiction: str = ""
    started_at: datetime | None = None
    last_notice_at: datetime | None = None
    opening: bool = False


@dataclass(frozen=True, slots=True)
class Intervals:
    """The longest time between two notices."""

    usual: timedelta = timedelta(hours=3)
    minor: timedelta = timedelta(hours=1)

    def of(self, age_band: AgeBand) -> timedelta:
        """Return the interval of an age band; `unknown` is taken as an adult's."""
        return self.minor if age_band == "minor" else self.usual


def due(session: Session, now: datetime, intervals: Intervals) -> tuple[NoticeKind, ...]:
    """Return what is due. The same times give the same answer, so that a retry loses nothing.

    The disclosure: in a session without a notice since its start, and when the interval has passed since the
    last one. The break reminder: when it has passed since the later of the start and the last notice.
    Where no time is given, the disclosure is due until the character has said something.
    """
    started, last = session.started_at, session.last_notice_at
    if started is None and last is None:
        return ("ai_disclosure",) if session.opening else ()
    since = max(time for time in (started, last) if time is not None)
    if now - since >= intervals.of(session.age_band):
        return ("ai_disclosure", "break_reminder")
    has_notice = last is not None and (started is None or last >= started)
    return () if has_notice else ("ai_disclosure",)
