import asyncio
import json

import aiohttp
import pytest
from openapi_spec_validator import validate
from yarl import URL

from repartee.application.generate_request import GenerateRequest
from repartee.domain import errors
from repartee.domain.errors import UpstreamUnreachable
from repartee.presentation.api.errors import status_of
from tests.fakes import FakeChatModel, FakeEventLog, FakeFactStore
from tests.serving import fake_api, served

KEYS = ("first-key", "second-ключ")


async def _get(url: str, **kwargs) -> tuple[int, dict]:
    async with aiohttp.ClientSession() as session, session.get(url, **kwargs) as response:
        return response.status, json.loads(await response.read())


def test_the_openapi_document_is_valid_and_every_route_has_an_example() -> None:
    document = fake_api().openapi()
    validate(document)
    missing = [
        (method, path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "example" not in json.dumps(operation["responses"]["200"]["content"])
        or ("requestBody" in operation and "example" not in json.dumps(operation["requestBody"]))
    ]
    assert missing == []


def test_every_post_and_patch_describes_its_body() -> None:
    paths = fake_api().openapi()["paths"]
    bodies = [m["requestBody"] for p in paths.values() for name, m in p.items() if name in {"post", "patch"}]
    files = [body for body in bodies if "application/octet-stream" in body["content"]]
    assert len(files) == 1
    assert all("$ref" in b["content"]["application/json"]["schema"] for b in bodies if b not in files)


def _kinds(kind: type[errors.ReparteeError]) -> list[type[errors.ReparteeError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in _kinds(child))]


def test_every_error_of_ours_has_a_status_and_none_is_500() -> None:
    kinds = [kind for kind in _kinds(errors.ReparteeError) if kind.__module__.startswith("repartee.")]
    kinds.remove(errors.ReparteeError)
    for kind in kinds:
        assert status_of(kind.__new__(kind)) != 500, kind


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer first-ke"},
        {"authorization": "Bearer first-key "[:-1] + "x"},
        {"authorization": "Basic first-key"},
        {"x-api-key": "nope"},
        {"x-api-key": "é"},
    ],
)
async def test_without_a_valid_key_the_door_stays_shut_but_probes_answer(headers: dict) -> None:
    async with served(fake_api(keys=KEYS)) as url:
        status, problem = await _get(url + "/users/ann/facts", headers=headers)
        assert (status, problem["code"]) == (401, "unauthorized")
        assert (await _get(url + "/healthz"))[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer first-key"},
        {"x-api-key": "first-key"},
        {"authorization": "Bearer second-ключ"},
    ],
)
async def test_any_of_the_keys_opens_it(headers: dict) -> None:
    async with served(fake_api(keys=KEYS)) as url:
        assert (await _get(url + "/users/ann/facts", headers=headers))[0] == 200


async def test_readyz_names_what_is_down() -> None:
    down = UpstreamUnreachable("store cannot be reached", "store")
    async with served(fake_api(store=FakeFactStore(failure=down))) as url:
        status, health = await _get(url + "/readyz")
    assert (status, health["status"]) == (200, "degraded")
    assert health["dependencies"]["store"]["code"] == "upstream_unreachable"
    async with served(fake_api(model=FakeChatModel(failure=down))) as url:
        assert (await _get(url + "/readyz"))[0] == 503


async def test_metrics_count_requests_by_route_pattern_replies_tokens_and_never_hold_ids() -> None:
    async with served(fake_api()) as url, aiohttp.ClientSession(url) as session:
        body = {"character": "blaze", "user": {"id": "ann"}, "messages": [{"role": "user", "text": "hi"}]}
        async with session.post("/generate", json=body) as response:
            assert response.status == 200
        await (await session.get("/users/canary-user/facts")).read()
        await (await session.get("/no/such/canary")).read()
        text = await (await session.get("/metrics")).text()
    assert 'repartee_requests_total{method="POST",route="/generate",status="200"} 1.0' in text
    assert 'route="/users/{user_id}/facts"' in text
    assert 'repartee_replies_total{retrieval="empty"} 1.0' in text
    assert 'repartee_tokens_total{kind="prompt"} 10.0' in text
    assert "repartee_requests_in_flight 1.0" in text
    assert "canary" not in text


async def test_an_unknown_path_and_a_wrong_method_are_problems_too() -> None:
    async with served(fake_api()) as url:
        assert (await _get(url + "/nowhere"))[1]["code"] == "not_found"
        assert (await _get(url + "/generate"))[1]["code"] == "method_not_allowed"


async def test_feedback_is_recorded_with_the_replys_id() -> None:
    log = FakeEventLog()
    async with served(fake_api(event_log=log)) as url, aiohttp.ClientSession(url) as session:
        body = {"character": "blaze", "messages": [{"role": "user", "text": "hi"}]}
        reply = await (await session.post("/generate", json=body)).json()
        feedback = {"reply_id": reply["id"], "verdict": "like", "reason": "warm"}
        async with session.post("/feedback", json=feedback) as response:
            assert await response.json() == {"recorded": True}
        async with session.post("/feedback", json={"reply_id": "x", "verdict": "like"}) as response:
            assert response.status == 422
    assert [event["type"] for event in log.events] == ["reply", "feedback"]
    assert log.events[1]["reply_id"] == log.events[0]["reply"]["id"]


async def test_feedback_without_an_event_log_says_how_to_get_one() -> None:
    async with served(fake_api()) as url, aiohttp.ClientSession(url) as session:
        body = {"reply_id": "rpl_" + "0" * 32, "verdict": "like"}
        async with session.post("/feedback", json=body) as response:
            problem = await response.json(content_type=None)
    assert response.status == 404
    assert "REPARTEE_EVENTS__ENABLED" in problem["detail"]


async def test_a_forged_request_id_is_replaced() -> None:
    async with (
        served(fake_api()) as url,
        aiohttp.ClientSession() as session,
        session.get(url + "/healthz", headers={"x-request-id": 'a"}{"x":1'}) as response,
    ):
        assert response.headers["x-request-id"].isalnum()


async def test_shipped_characters_are_listed_and_shown() -> None:
    async with served(fake_api()) as url:
        _, listed = await _get(url + "/characters")
        ids = [character["id"] for character in listed["characters"]]
        assert "blaze" in ids
        status, card = await _get(url + "/characters/blaze")
        assert (status, (await _get(url + "/characters/nobody"))[0]) == (200, 404)
    assert card["first_mes"]


@pytest.mark.parametrize("path", ["/users/ann/facts/", "/users/ann/facts/%2F", "/characters/"])
async def test_a_lost_id_is_not_sent_on_to_everything(path: str) -> None:
    store = FakeFactStore()
    async with served(fake_api(store=store)) as url, aiohttp.ClientSession() as session:
        await (await session.post(url + "/users/ann/facts", json={"facts": [{"text": "x"}]})).read()
        async with session.delete(URL(url + path, encoded=True)) as response:
            assert response.status == 404
        assert len((await (await session.get(url + "/users/ann/facts")).json())["facts"]) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"host": "evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1.evil.example"},
        {"host": "[::1"},
    ],
)
async def test_without_keys_a_foreign_page_can_neither_read_nor_write(headers: dict) -> None:
    async with served(fake_api()) as url, aiohttp.ClientSession(headers=headers) as session:
        async with session.post(url + "/users/ann/facts", data=b'{"facts":[{"text":"x"}]}') as response:
            assert response.status in {400, 403}
        async with session.get(url + "/users/ann/facts") as response:
            assert response.status in {400, 403}


async def test_without_keys_a_page_of_this_machine_may_ask() -> None:
    async with served(fake_api()) as url:
        assert (await _get(url + "/users/ann/facts", headers={"origin": "http://localhost:5173"}))[0] == 200


async def test_with_keys_the_origin_does_not_matter() -> None:
    headers = {"origin": "https://shop.example", "authorization": "bearer first-key"}
    async with served(fake_api(keys=KEYS)) as url:
        assert (await _get(url + "/users/ann/facts", headers=headers))[0] == 200


async def test_a_key_without_its_scheme_is_not_one() -> None:
    async with served(fake_api(keys=KEYS)) as url:
        assert (await _get(url + "/users/ann/facts", headers={"authorization": "first-key"}))[0] == 401


def test_with_keys_the_description_says_so() -> None:
    document = fake_api(keys=KEYS).openapi()
    validate(document)
    assert document["paths"]["/generate"]["post"]["security"] == [{"key": []}]
    assert "401" in document["paths"]["/generate"]["post"]["responses"]
    assert "security" not in document["paths"]["/healthz"]["get"]


async def test_a_client_that_leaves_while_it_sends_its_body_is_no_failure_of_ours() -> None:
    async with served(fake_api()) as url, aiohttp.ClientSession(url) as session:
        _, writer = await asyncio.open_connection("127.0.0.1", URL(url).port)
        writer.write(b"POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.1)
        text = await (await session.get("/metrics")).text()
    assert 'status="500"' not in text
    assert 'status="0"' in text


def test_every_example_of_a_reply_s_request_is_one() -> None:
    body = fake_api().openapi()["paths"]["/generate"]["post"]["requestBody"]["content"]["application/json"]
    asked = {name: GenerateRequest.model_validate(one["value"]) for name, one in body["examples"].items()}
    assert asked.keys() == {"plain", "scene"}
    assert len(asked["scene"].cast) == 3
