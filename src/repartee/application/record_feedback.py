"""What people thought of a reply."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from repartee.application.ports import EventLog
from repartee.domain.errors import NotFound
from repartee.domain.text import ShortText
from repartee.domain.user import UserId


class FeedbackRequest(BaseModel):
    """A verdict on one reply."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reply_id: Annotated[str, StringConstraints(pattern=r"^rpl_[0-9a-f]{32}$")]
    verdict: Literal["like", "dislike", "flag"]
    reason: ShortText = ""
    user_id: UserId | None = None


class FeedbackRecorded(BaseModel):
    """The feedback is in the event log."""

    recorded: Literal[True] = True


class RecordFeedback:
    """Append a like, a dislike or a flag to the event log, to be joined with its reply by id."""

    def __init__(self, event_log: EventLog | None) -> None:
        self._event_log = event_log

    async def __call__(self, request: FeedbackRequest) -> FeedbackRecorded:
        """Record it. Raises NotFound where no event log is kept, OSError where it cannot be written."""
        if self._event_log is None:
            raise NotFound("no event log is kept here: set REPARTEE_EVENTS__ENABLED=true")
        await self._event_log.append(
            {"type": "feedback", "at": datetime.now(UTC).isoformat(), **request.model_dump(mode="json")}
        )
        return FeedbackRecorded()
