"""What the chat keeps so that notices come when they are due, and how they read."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from repartee.application.safety_report import Notice

_BY_THE_CLOCK: Final = frozenset({"ai_disclosure", "break_reminder"})
_WITHOUT_TEXT: Final = {
    "crisis_resources": "If you think of harming yourself, please talk to somebody you trust, or call the "
    "emergency number of where you are. You are talking to a program.",
}


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Sitting:
    """From the start of the chat to its end."""

    started_at: datetime = field(default_factory=_now)
    last_notice_at: datetime | None = None

    def fields(self) -> dict[str, str]:
        """Return what a request says about it."""
        times = {"session_started_at": self.started_at, "last_notice_at": self.last_notice_at}
        return {name: time.isoformat() for name, time in times.items() if time}

    def lines(self, notices: Iterable[Notice]) -> list[str]:
        """Return what to show, and note that it is shown."""
        listed = list(notices)
        if any(notice.kind in _BY_THE_CLOCK for notice in listed):
            self.last_notice_at = _now()
        texts = (notice.text or _WITHOUT_TEXT.get(notice.kind, "") for notice in listed)
        return [text for text in texts if text]
