"""Replies in the log carry labels; other events stay as they are."""

from collections.abc import AsyncIterator
from typing import Any

from repartee.application.moderated_event_log import ModeratedEventLog
from repartee.application.text_classifier import TagFound


class Kept:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    async def append(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    async def of_user(self, user_id: str) -> AsyncIterator[dict[str, Any]]:
        for event in self.events:
            yield {**event, "of": user_id}

    async def forget(self, user_id: str) -> int:
        return len(user_id)


class Violent:
    name, tags = "linear-test", ("violence",)

    async def label(self, text: str) -> dict[str, TagFound]:
        return {"violence": TagFound("mild" if "stab" in text else "none", 0.75)}


async def test_a_reply_is_labelled_and_feedback_is_not() -> None:
    kept = Kept()
    log = ModeratedEventLog(kept, Violent())
    await log.append({"type": "reply", "reply": {"text": "I stab him"}})
    await log.append({"type": "feedback", "rating": 1})
    tags = {"violence": {"level": "mild", "score": 0.75}}
    assert kept.events[0]["moderation"] == {"moderator": "linear-test", "tags": tags}
    assert kept.events[1] == {"type": "feedback", "rating": 1}
    assert [event["of"] async for event in log.of_user("maya")] == ["maya", "maya"]
    assert await log.forget("maya") == 4
