from collections.abc import AsyncIterator

import aiohttp
import pytest
from yarl import URL

from tests.fakes import FakeEmbedder
from tests.serving import fake_api, served


@pytest.fixture
async def api() -> AsyncIterator[aiohttp.ClientSession]:
    async with served(fake_api()) as url, aiohttp.ClientSession(url) as session:
        yield session


async def _json(api: aiohttp.ClientSession, method: str, path: str, **kwargs) -> tuple[int, dict]:
    async with api.request(method, path, **kwargs) as response:
        return response.status, await response.json(content_type=None)


def _facts(*texts: str) -> dict:
    return {"facts": [{"text": text} for text in texts]}


async def test_facts_are_added_once_listed_page_by_page_and_searched(api) -> None:
    texts = [f"fact number {number}" for number in range(25)]
    _, added = await _json(api, "POST", "/users/ann/facts", json=_facts(*texts))
    _, again = await _json(api, "POST", "/users/ann/facts", json=_facts(*texts))
    assert [fact["id"] for fact in added["facts"]] == [fact["id"] for fact in again["facts"]]

    listed, after = [], None
    while True:
        params = {"limit": "10"} | ({"after": after} if after else {})
        status, page = await _json(api, "GET", "/users/ann/facts", params=params)
        assert status == 200
        listed += [fact["text"] for fact in page["facts"]]
        after = page["next"]
        if after is None:
            break
    assert sorted(listed) == sorted(texts)

    params = {"q": "fact number 7", "limit": "3"}
    _, found = await _json(api, "GET", "/users/ann/facts/search", params=params)
    assert found["candidates"][0]["text"] == "fact number 7"
    assert found["candidates"][0]["kept"] is True
    assert found["threshold"] == 0.25


async def test_a_fact_is_corrected_and_forgotten_by_its_id(api) -> None:
    _, added = await _json(api, "POST", "/users/ann/facts", json=_facts("likes tea"))
    path = f"/users/ann/facts/{added['facts'][0]['id']}"
    status, edited = await _json(api, "PATCH", path, json={"text": "likes coffee"})
    assert (status, edited["text"], edited["id"]) == (200, "likes coffee", added["facts"][0]["id"])
    assert await _json(api, "DELETE", path) == (200, {"deleted": 1})
    assert (await _json(api, "DELETE", path))[0] == 404
    assert (await _json(api, "PATCH", path, json={"text": "x"}))[0] == 404


async def test_forgetting_a_user_returns_the_count_and_nothing_is_found_afterwards(api) -> None:
    await _json(api, "POST", "/users/ann/facts", json=_facts("likes tea", "likes coffee"))
    await _json(api, "POST", "/users/bob/facts", json=_facts("likes tea"))
    assert await _json(api, "DELETE", "/users/ann/facts") == (200, {"deleted": 2})
    assert (await _json(api, "GET", "/users/ann/facts"))[1] == {"facts": [], "next": None}
    _, found = await _json(api, "GET", "/users/ann/facts/search", params={"q": "likes tea"})
    assert found["candidates"] == []
    assert len((await _json(api, "GET", "/users/bob/facts"))[1]["facts"]) == 1


@pytest.mark.parametrize("user_id", ["*", "a%20b", "%D0%B0", "a%00", "..%2e", "x" * 129])
async def test_a_user_id_that_is_not_one_is_422_on_every_route(api, user_id: str) -> None:
    calls = [
        ("GET", "", {}),
        ("POST", "", {"json": _facts("x")}),
        ("DELETE", "", {}),
        ("GET", "/search?q=x", {}),
        ("PATCH", "/1", {"json": {"text": "x"}}),
        ("DELETE", "/1", {}),
    ]
    for method, rest, kwargs in calls:
        url = URL(f"/users/{user_id}/facts{rest}", encoded=True)
        status, problem = await _json(api, method, url, **kwargs)
        assert status in {422, 404}, (method, rest, problem)


@pytest.mark.parametrize(
    "body",
    [
        {"facts": []},
        {"facts": [{"text": ""}]},
        {"facts": [{"text": "  "}]},
        {"facts": [{"text": "x" * 2_001}]},
        {"facts": [{"text": "x", "user_id": "bob"}]},
        {"facts": [{"text": "x", "owner": "bob"}]},
        {"facts": [{"text": "x"}] * 257},
        {},
    ],
)
async def test_a_bad_fact_is_422_and_nothing_is_stored(api, body: dict) -> None:
    status, problem = await _json(api, "POST", "/users/ann/facts", json=body)
    assert (status, problem["code"]) == (422, "invalid_input")
    assert (await _json(api, "GET", "/users/ann/facts"))[1]["facts"] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=501"])
async def test_a_bad_page_size_is_422_that_names_it(api, query: str) -> None:
    status, problem = await _json(api, "GET", f"/users/ann/facts?{query}")
    assert (status, problem["errors"][0]["field"]) == (422, "limit")


async def test_a_hanging_embedder_is_504_at_the_deadline_and_leaving_cancels_it() -> None:
    embedder = FakeEmbedder(delay=30)
    app = fake_api(embedder=embedder, deadline_seconds=0.1)
    async with served(app) as url, aiohttp.ClientSession(url) as session:
        status, problem = await _json(session, "GET", "/users/ann/facts/search?q=x")
        assert (status, problem["code"]) == (504, "upstream_timeout")
        assert (await _json(session, "POST", "/users/ann/facts", json=_facts("x")))[0] == 504


async def test_stats_are_counts_and_hold_nothing_of_users(api) -> None:
    await _json(api, "POST", "/users/ann/facts", json=_facts("likes tea", "likes coffee"))
    await _json(api, "POST", "/users/bob/facts", json=_facts("likes tea"))
    status, stats = await _json(api, "GET", "/facts/stats")
    counts = {"facts": 3, "users": 2, "superseded": 0, "pinned": 0}
    assert (status, stats) == (200, {"collections": [{"profile": "fake-64", "current": True, **counts}]})
