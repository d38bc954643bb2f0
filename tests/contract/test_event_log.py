"""What every event log does: one suite for the fake and for JSON lines in a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repartee.application.ports import EventLog
from repartee.integrations.jsonl_event_log import JsonlEventLog
from tests.fakes import FakeEventLog

LOGS: dict[str, Callable[[Path], EventLog]] = {
    "fake": lambda _: FakeEventLog(),
    "jsonl": lambda folder: JsonlEventLog(folder, max_bytes=400),
}


@pytest.fixture(params=sorted(LOGS))
def log(request: pytest.FixtureRequest, tmp_path: Path) -> EventLog:
    return LOGS[request.param](tmp_path / "events")


def reply(id_: str, user_id: str | None, text: str = "Evening.") -> dict[str, Any]:
    return {"type": "reply", "reply": {"id": id_, "text": text}, "user": {"id": user_id, "name": "X"}}


def feedback(reply_id: str, user_id: str | None = None, reason: str = "") -> dict[str, Any]:
    return {"type": "feedback", "reply_id": reply_id, "reason": reason, "user_id": user_id}


def shadow(reply_id: str, user_id: str | None) -> dict[str, Any]:
    return {"type": "shadow", "reply_id": reply_id, "text": "Good evening.", "user": {"id": user_id}}


async def of(log: EventLog, user_id: str) -> list[dict[str, Any]]:
    return [event async for event in log.of_user(user_id)]


OF_ANN = [
    reply("r1", "ann", "Привет\u2028\n"),
    feedback("r1"),
    reply("r3", "ann"),
    feedback("r9", "ann"),
    shadow("r3", "ann"),
]
OF_BOB = [reply("r2", "bob", '{"id":"ann"}, said "ann"'), feedback("r2", None, "ann"), reply("r4", "Ann")]
OF_NOBODY = [reply("r5", None), feedback("r5")]


async def remember(log: EventLog) -> None:
    for event in (*OF_BOB[:1], *OF_ANN, *OF_NOBODY, *OF_BOB[1:]):
        await log.append(event)


async def test_a_users_events_are_their_replies_and_the_feedback_on_them(log: EventLog) -> None:
    await remember(log)
    assert await of(log, "ann") == OF_ANN
    assert await of(log, "bob") == OF_BOB[:2]
    assert await of(log, "Ann") == OF_BOB[2:]
    assert await of(log, "an") == []


async def test_what_is_forgotten_is_gone_and_the_rest_is_as_it_was(log: EventLog) -> None:
    await remember(log)
    assert await log.forget("ann") == len(OF_ANN)
    assert await of(log, "ann") == []
    assert await of(log, "bob") == OF_BOB[:2]
    assert await of(log, "Ann") == OF_BOB[2:]
    assert await log.forget("ann") == 0


async def test_the_log_goes_on_after_somebody_was_forgotten(log: EventLog) -> None:
    await remember(log)
    await log.forget("ann")
    await log.append(reply("r6", "ann"))
    await log.append(reply("r7", "bob"))
    assert await of(log, "ann") == [reply("r6", "ann")]
    assert await of(log, "bob") == [*OF_BOB[:2], reply("r7", "bob")]


async def test_a_log_in_which_nothing_was_recorded_has_nothing_of_anybody(log: EventLog) -> None:
    assert await of(log, "ann") == []
    assert await log.forget("ann") == 0
