"""The event log with a moderator's labels on every reply: for drift, review and the next training."""

from collections.abc import AsyncIterator
from typing import Any

from repartee.application.ports import EventLog, Moderator


class ModeratedEventLog(EventLog):
    """Adds `moderation` to replies, and passes everything else on. A user waits for none of it twice."""

    def __init__(self, log: EventLog, moderator: Moderator) -> None:
        self._log = log
        self._moderator = moderator

    async def append(self, event: dict[str, Any]) -> None:
        """Write one event, with labels where it is a reply."""
        reply = event.get("reply")
        if event.get("type") == "reply" and isinstance(reply, dict):
            found = await self._moderator.label(str(reply.get("text", "")))
            tags = {tag: {"level": one.level, "score": round(one.score, 4)} for tag, one in found.items()}
            event = {**event, "moderation": {"moderator": self._moderator.name, "tags": tags}}
        await self._log.append(event)

    def of_user(self, user_id: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the user's events."""
        return self._log.of_user(user_id)

    async def forget(self, user_id: str) -> int:
        """Erase the user's events."""
        return await self._log.forget(user_id)
