import asyncio
import json
from typing import Any

import aiohttp
import pytest

from repartee.integrations.offline_chat_model import OfflineChatModel
from tests.fakes import FakeChatModel, FakeFactStore
from tests.serving import fake_api, served

BEES = {
    "statement": "Maya keeps bees on the roof.",
    "evidence": "I keep bees on the roof",
    "message_index": 0,
}
BODY = {
    "messages": [{"role": "user", "text": "I keep bees on the roof."}],
    "user": {"name": "Maya"},
    "character": "blaze",
}
PATHS = ["/users/maya/facts/extract", "/digest"]


async def _post(app: Any, path: str, body: Any, **options: Any) -> tuple[int, dict[str, Any]]:
    async with (
        served(app) as url,
        aiohttp.ClientSession(url) as session,
        session.post(path, json=body, **options) as response,
    ):
        return response.status, await response.json(content_type=None)


async def test_facts_are_proposed_and_with_commit_stored() -> None:
    store = FakeFactStore()
    app = fake_api(model=FakeChatModel(json.dumps({"facts": [BEES, BEES]})), store=store)
    status, found = await _post(app, PATHS[0], BODY)
    assert (status, found["stored"], store.all_facts()) == (200, None, [])
    assert found["proposals"] == [
        {
            "text": BEES["statement"],
            "owner": "user",
            "character": "",
            "subject": "user",
            "evidence": BEES["evidence"],
            "message_index": 0,
            "supersedes": [],
            "confidence": 0.5,
        }
    ]
    assert found["rejected"] == [{"reason": "duplicate", "message_index": 0}]
    status, found = await _post(app, f"{PATHS[0]}?commit=true", BODY)
    assert [fact["text"] for fact in found["stored"]] == [fact.text for _, fact in store.all_facts()]


async def test_an_unreadable_model_is_a_502_that_quotes_nobody() -> None:
    status, problem = await _post(fake_api(model=FakeChatModel("As Petronella said, no.")), PATHS[0], BODY)
    assert (status, problem["code"], problem["dependency"]) == (502, "upstream_invalid", "model")
    assert "Petronella" not in json.dumps(problem)


async def test_a_summary_is_made_and_put_before_the_history() -> None:
    app = fake_api(model=OfflineChatModel())
    status, digest = await _post(app, "/digest", BODY)
    assert (status, digest["messages_covered"], digest["model"]) == (200, 1, "offline")
    later = BODY | {
        "summary": digest["summary"],
        "messages": [{"role": "user", "text": "hi"}],
        "dry_run": True,
    }
    _, preview = await _post(app, "/generate", later)
    system, said, _tail = preview["prompt"]
    assert digest["summary"] in "\n".join(system["content"].splitlines()[-3:])
    assert (system["role"], said["content"]) == ("system", "hi")


@pytest.mark.parametrize("path", PATHS)
async def test_a_client_that_leaves_cancels_the_model(path: str) -> None:
    model = FakeChatModel(delay=30)
    async with served(fake_api(model=model)) as url, aiohttp.ClientSession(url) as session:
        asking = asyncio.create_task(session.post(path, json=BODY))
        async with asyncio.timeout(5):
            while not model.prompts:
                await asyncio.sleep(0.01)
            asking.cancel()
            while not model.cancelled:
                await asyncio.sleep(0.01)
    assert model.cancelled == 1


@pytest.mark.parametrize("path", PATHS)
async def test_the_deadline_is_a_504(path: str) -> None:
    status, problem = await _post(fake_api(model=FakeChatModel(delay=9), deadline_seconds=0.1), path, BODY)
    assert (status, problem["code"]) == (504, "upstream_timeout")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"messages": []}, "messages"),
        ({"mesages": []}, "mesages"),
        ({"character": "No One!"}, "character"),
        ({"user": {"id": "b b"}}, "user.id"),
    ],
)
async def test_a_wrong_field_is_named(path: str, changed: dict[str, Any], field: str) -> None:
    status, problem = await _post(fake_api(), path, BODY | changed)
    assert (status, problem["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"now": "2026-11-20T10:00:00"}, "now"), ({"known_fact_limit": 51}, "known_fact_limit")],
)
async def test_a_time_needs_its_zone_and_facts_a_limit(changed: dict[str, Any], field: str) -> None:
    status, problem = await _post(fake_api(), PATHS[0], BODY | changed)
    assert (status, problem["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize(
    ("path", "user_id", "status"),
    [
        ("/users/maya/facts/extract", None, 200),
        ("/users/bob/facts/extract", None, 403),
        ("/digest", None, 200),
        ("/digest", "maya", 200),
        ("/digest", "bob", 403),
    ],
)
async def test_a_users_key_opens_their_own_memory(path: str, user_id: str | None, status: int) -> None:
    app = fake_api(model=OfflineChatModel(), user_keys={"k": "maya"})
    user = {"name": "Maya"} | ({"id": user_id} if user_id else {})
    headers = {"authorization": "Bearer k"}
    assert (await _post(app, path, BODY | {"user": user}, headers=headers))[0] == status


async def test_outcomes_are_counted_and_the_routes_described() -> None:
    app = fake_api(model=FakeChatModel(json.dumps({"facts": [BEES, BEES | {"evidence": "I keep wasps"}]})))
    async with served(app) as url, aiohttp.ClientSession(url) as session:
        await session.post(PATHS[0], json=BODY)
        await session.post("/digest", json=BODY)
        counted = await (await session.get("/metrics")).text()
        document = await (await session.get("/openapi.json")).json()
    assert 'repartee_extracted_facts_total{outcome="accepted"} 1.0' in counted
    assert 'repartee_extracted_facts_total{outcome="no_evidence"} 1.0' in counted
    assert "repartee_digests_total 1.0" in counted
    assert 'repartee_tokens_total{kind="prompt"} 20.0' in counted
    schemas = document["components"]["schemas"]
    assert {"ExtractRequest", "Extraction", "DigestRequest", "Digest"} <= schemas.keys()
    assert "ungrounded" in schemas["RejectedProposal"]["properties"]["reason"]["enum"]
    assert "/users/{user_id}/facts/extract" in document["paths"]
