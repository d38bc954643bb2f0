import json
from typing import Any

import aiohttp
import pytest
from yarl import URL

from repartee.domain.errors import UpstreamUnreachable
from tests.fakes import FakeEventLog, FakeFactStore
from tests.serving import fake_api, served

_REPLY = {"type": "reply", "reply": {"id": "rpl_1"}, "user": {"id": "ann"}, "big": 2**80, "text": "а\u2028б"}
_OF_BOB = {"type": "reply", "reply": {"id": "rpl_2"}, "user": {"id": "bob"}}


async def _remember(session: aiohttp.ClientSession) -> None:
    for user in ("ann", "bob"):
        facts = {"facts": [{"text": "likes tea"}, {"text": f"is {user}"}]}
        async with session.post(f"/users/{user}/facts", json=facts) as response:
            assert response.status == 200


async def _exported(session: aiohttp.ClientSession, user: str) -> list[dict[str, Any]]:
    async with session.get(f"/users/{user}/export") as response:
        assert (response.status, response.content_type) == (200, "application/x-ndjson")
        return [json.loads(line) for line in (await response.read()).split(b"\n")[:-1]]


async def test_an_export_holds_everything_of_the_user_and_nothing_of_others() -> None:
    log = FakeEventLog()
    log.events = [_REPLY, _OF_BOB]
    async with served(fake_api(event_log=log)) as url, aiohttp.ClientSession(url) as session:
        await _remember(session)
        user, *facts, event = await _exported(session, "ann")
    assert user == {"type": "user", "user_id": "ann", "facts": 2, "events": 1}
    assert {(fact["type"], fact["text"]) for fact in facts} == {("fact", "likes tea"), ("fact", "is ann")}
    assert event == {"type": "event", "event": _REPLY}


async def test_an_erased_user_has_nothing_left_and_others_have_all() -> None:
    log = FakeEventLog()
    log.events = [_REPLY, _OF_BOB, {"type": "feedback", "reply_id": "rpl_1", "user_id": None}]
    async with served(fake_api(event_log=log)) as url, aiohttp.ClientSession(url) as session:
        await _remember(session)
        async with session.delete("/users/ann") as response:
            assert (response.status, await response.json()) == (200, {"facts": 2, "events": 2})
        assert await _exported(session, "ann") == [
            {"type": "user", "user_id": "ann", "facts": 0, "events": 0}
        ]
        assert len(await _exported(session, "bob")) == 4


@pytest.mark.parametrize(("method", "path"), [("GET", "/users/a%20b/export"), ("DELETE", "/users/a%20b")])
async def test_a_user_id_that_is_not_one_is_422(method: str, path: str) -> None:
    async with served(fake_api()) as url, aiohttp.ClientSession() as session:
        target = URL(url + path, encoded=True)
        async with session.request(method, target) as response:
            assert (response.status, (await response.json(content_type=None))["code"]) == (
                422,
                "invalid_input",
            )


async def test_a_store_that_fails_before_the_first_row_is_a_problem_with_its_status() -> None:
    store = FakeFactStore(failure=UpstreamUnreachable("the store does not answer", "store"))
    async with served(fake_api(store=store)) as url, aiohttp.ClientSession(url) as session:
        response = await session.get("/users/ann/export")
        async with response:
            assert (response.status, response.content_type) == (503, "application/problem+json")


class _TornLog(FakeEventLog):
    """Counts well, and fails in the middle of what is sent."""

    reads = 0

    async def of_user(self, user_id: str):
        yield _REPLY
        self.reads += 1
        if self.reads > 1:
            raise OSError("broken")


async def test_an_export_that_fails_half_way_cannot_be_taken_for_whole() -> None:
    async with served(fake_api(event_log=_TornLog())) as url, aiohttp.ClientSession(url) as session:
        response = await session.get("/users/ann/export")
        async with response:
            assert response.status == 200
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()


async def test_routes_about_users_need_a_key_where_there_are_keys() -> None:
    async with served(fake_api(keys=("secret-key",))) as url, aiohttp.ClientSession(url) as session:
        for method, path in (("GET", "/users/ann/export"), ("DELETE", "/users/ann"), ("GET", "/facts/stats")):
            async with session.request(method, path) as response:
                assert response.status == 401
