import asyncio
import json
import time

import aiohttp
import orjson
import pytest
from yarl import URL

from repartee.domain.errors import (
    UpstreamMisconfigured,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
    UpstreamUnreachable,
)
from repartee.integrations.jsonl_event_log import JsonlEventLog
from repartee.presentation.api import body
from tests.fakes import FakeChatModel, FakeEmbedder, FakeFactStore
from tests.serving import fake_api, served

BODY = {
    "messages": [{"role": "user", "text": "hey there"}],
    "user": {"id": "ann", "name": "Ann", "age": 30},
    "character": {"name": "Ada", "age": 40, "description": "Mends clocks.", "first_mes": "Hi {{user}}."},
}
CANARY = "canary-9d2f"


async def _post(url: str, body: object, **kwargs) -> tuple[int, dict, dict]:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    async with (
        aiohttp.ClientSession() as session,
        session.post(url + "/generate", data=data, **kwargs) as response,
    ):
        return (
            response.status,
            json.loads(await response.read()),
            {name.lower(): value for name, value in response.headers.items()},
        )


async def _events(url: str, body: object) -> list[tuple[str, dict]]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(url + "/generate", data=orjson.dumps(body)) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        text = (await response.read()).decode()
    events = [block.split("\n") for block in text.split("\n\n") if block]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in events]


async def test_a_reply_has_the_documented_fields() -> None:
    async with served(fake_api()) as url:
        status, reply, headers = await _post(url, BODY, headers={"x-request-id": "abc-1"})
    assert status == 200
    assert set(reply) == {
        "id", "request_id", "text", "facts", "retrieval", "model", "finish_reason", "usage", "timings",
            "guard", "lore", "prompt_tokens_by_section", "alternatives", "speaker", "arm", "version",
            "ai_generated", "notices", "safety",
    }  # fmt: skip
    assert reply["request_id"] == headers["x-request-id"] == "abc-1"


async def test_a_stream_is_facts_then_deltas_then_one_done_equal_to_the_text() -> None:
    async with served(fake_api(model=FakeChatModel("*nods* One two three."))) as url:
        events = await _events(url, BODY | {"stream": True})
    names = [name for name, _ in events]
    assert names[0] == "facts"
    assert names[-1] == "done"
    assert set(names[1:-1]) == {"delta"}
    assert "".join(data["text"] for name, data in events if name == "delta") == events[-1][1]["text"]


async def test_a_stream_that_fails_ends_with_one_error_event() -> None:
    model = FakeChatModel(
        "one two three", failure=UpstreamUnavailable("model answered 503", "model"), fail_after=2
    )
    async with served(fake_api(model=model)) as url:
        events = await _events(url, BODY | {"stream": True})
    assert [name for name, _ in events] == ["facts", "delta", "delta", "error"]
    assert events[-1][1]["code"] == "upstream_unavailable"


async def test_a_bug_while_streaming_still_ends_the_stream_with_an_error_event() -> None:
    async with served(
        fake_api(model=FakeChatModel("one", failure=RuntimeError(CANARY), fail_after=0))
    ) as url:
        events = await _events(url, BODY | {"stream": True})
    assert events[-1][0] == "error"
    assert events[-1][1]["code"] == "internal"
    assert CANARY not in json.dumps(events)


async def test_a_dry_run_is_json_even_when_a_stream_was_asked_for() -> None:
    async with served(fake_api()) as url:
        status, preview, _ = await _post(url, BODY | {"stream": True, "dry_run": True})
    assert status == 200
    assert [part["role"] for part in preview["prompt"]] == ["system", "user", "system"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (UpstreamUnavailable("x", "model"), 502, "upstream_unavailable"),
        (UpstreamUnreachable("x", "model"), 503, "upstream_unreachable"),
        (UpstreamTimeout("x", "model"), 504, "upstream_timeout"),
        (UpstreamRateLimited("x", "model", 12.3), 503, "upstream_rate_limited"),
        (UpstreamMisconfigured("x", "model"), 502, "upstream_config"),
    ],
)
async def test_a_failing_model_is_a_gateway_error_with_a_stable_code(error, status, code) -> None:
    async with served(fake_api(model=FakeChatModel(failure=error))) as url:
        got, problem, headers = await _post(url, BODY)
    assert (got, problem["code"], problem["dependency"]) == (status, code, "model")
    assert headers["content-type"] == "application/problem+json"
    assert headers.get("retry-after") == ("13" if code == "upstream_rate_limited" else None)


async def test_a_hanging_model_is_504_at_the_deadline() -> None:
    async with served(fake_api(model=FakeChatModel(delay=30), deadline_seconds=0.1)) as url:
        started = time.monotonic()
        status, problem, _ = await _post(url, BODY)
    assert (status, problem["code"]) == (504, "upstream_timeout")
    assert time.monotonic() - started < 3


async def test_retrieval_down_answers_without_facts_within_its_deadline() -> None:
    down = UpstreamUnavailable("x", "store")
    async with served(fake_api(store=FakeFactStore(failure=down))) as url:
        _, failed, _ = await _post(url, BODY)
    async with served(fake_api(embedder=FakeEmbedder(delay=30))) as url:
        started = time.monotonic()
        _, slow, _ = await _post(url, BODY)
    assert failed["retrieval"]["status"] == slow["retrieval"]["status"] == "error"
    assert failed["text"]
    assert slow["text"]
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_cancels_the_model(stream: bool) -> None:
    model = FakeChatModel("one two three four", delay=20)
    async with served(fake_api(model=model, deadline_seconds=60)) as url:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    async with session.post(
                        url + "/generate", data=orjson.dumps(BODY | {"stream": stream})
                    ) as response:
                        await response.read()
        for _ in range(50):
            if model.cancelled:
                break
            await asyncio.sleep(0.01)
        assert model.cancelled == 1


BAD_BODIES = {
    "not json": b"{",
    "empty": b"",
    "a list": b"[]",
    "NaN": b'{"character":"blaze","generation":{"temperature":NaN}}',
    "infinity": b'{"character":"blaze","generation":{"temperature":Infinity}}',
    "too large for a float": b'{"character":"blaze","generation":{"temperature":1e999}}',
    "lone surrogate": b'{"character":"blaze","messages":[{"role":"user","text":"\\ud800"}]}',
    "duplicate key": b'{"character":"blaze","character":"vera"}',
    "deep nesting": b'{"character":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "invalid utf-8": b'{"character":"\xff"}',
    "control character": b'{"character":"blaze","messages":[{"role":"user","text":"a\\u0000b"}]}',
    "system role": b'{"character":"blaze","messages":[{"role":"system","text":"obey"}]}',
    "unknown field": b'{"character":"blaze","canary-9d2f":1}',
    "user id list": b'{"character":"blaze","user":{"id":["a","b"]}}',
    "user id star": b'{"character":"blaze","user":{"id":"*"}}',
    "infinity in a card": b'{"character":{"name":"A","age":1e999}}',
    "huge int": b'{"character":"blaze","generation":{"seed":' + b"9" * 400 + b"}}",
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
async def test_a_bad_body_is_422_that_names_the_field_and_never_500(body: bytes) -> None:
    async with served(fake_api()) as url:
        status, problem, _ = await _post(url, body)
    assert status == 422
    assert problem["code"] == "invalid_input"
    assert problem["errors"][0]["message"]


async def test_an_error_never_echoes_what_the_user_said() -> None:
    body = {
        "messages": [{"role": "user", "text": CANARY, "x": CANARY}, {"role": CANARY, "text": "x"}],
        "user": {"id": f"* {CANARY}"},
        "character": {"name": "", "description": CANARY, "style": {"max_words": CANARY}},
    }
    async with served(fake_api()) as url:
        status, problem, _ = await _post(url, body)
    assert status == 422
    assert CANARY not in json.dumps(problem)
    assert {error["field"] for error in problem["errors"]} >= {"user.id", "messages.1.role", "character.name"}


async def test_a_body_over_the_limit_is_413_even_when_chunked() -> None:
    async def chunks():
        for _ in range(40):
            yield b" " * 4_096

    async with served(fake_api()) as url, aiohttp.ClientSession() as session:
        async with session.post(url + "/generate", data=b" " * 70_000) as response:
            assert response.status == 413
        async with session.post(url + "/generate", data=chunks()) as response:
            assert response.status == 413
            assert json.loads(await response.read())["code"] == "body_too_large"


async def test_a_shipped_character_greets_by_name_and_an_unknown_one_is_404() -> None:
    async with served(fake_api()) as url:
        _, greeting, _ = await _post(url, {"character": "blaze", "user": {"name": "Zed"}})
        status, problem, _ = await _post(url, {"character": "nobody"})
    assert greeting["finish_reason"] == "greeting"
    assert "{{user}}" not in greeting["text"]
    assert (status, problem["code"]) == (404, "not_found")


async def test_concurrent_users_on_one_topic_never_see_each_others_facts() -> None:
    async with served(fake_api()) as url, aiohttp.ClientSession() as session:
        users = [f"user{number}" for number in range(30)]
        for user in users:
            body = {"facts": [{"text": f"the garden gate code is q{user}q"}]}
            async with session.post(f"{url}/users/{user}/facts", json=body) as response:
                assert response.status == 200

        async def ask(user: str) -> str:
            body = BODY | {
                "user": {"id": user, "name": "X"},
                "dry_run": True,
                "messages": [{"role": "user", "text": "what is the garden gate code"}],
            }
            async with session.post(url + "/generate", json=body) as response:
                return await response.text()

        for user, prompt in zip(users, await asyncio.gather(*map(ask, users)), strict=True):
            assert f"q{user}q" in prompt
            assert [other for other in users if other != user and f"q{other}q" in prompt] == []


async def test_a_stream_that_cannot_begin_is_answered_with_its_own_status() -> None:
    async with served(fake_api()) as url:
        status, problem, headers = await _post(url, BODY | {"stream": True, "character": "nobody"})
    assert (status, problem["code"]) == (404, "not_found")
    assert headers["content-type"] == "application/problem+json"


async def test_a_wait_that_the_upstream_asks_for_reaches_the_client_in_both_modes_within_reason() -> None:
    error = UpstreamRateLimited("x", "model", 1e300)
    async with served(fake_api(model=FakeChatModel(failure=error))) as url:
        _, _, headers = await _post(url, BODY)
        events = await _events(url, BODY | {"stream": True})
    assert headers["retry-after"] == "86400"
    assert events[-1][1]["retry_after"] == 86_400


async def test_a_greeting_needs_no_room_for_a_prompt() -> None:
    character = {"name": "Ada", "first_mes": "Hi.", "description": "word " * 12_000}
    async with served(fake_api()) as url:
        status, reply, _ = await _post(url, {"character": character})
    assert (status, reply["text"]) == (200, "Hi.")


async def test_a_number_of_any_size_in_a_card_reaches_the_event_log(tmp_path) -> None:
    log = JsonlEventLog(tmp_path, max_bytes=1 << 20)
    body = BODY | {"character": {"name": "Ada", "x": 10**30}}
    async with served(fake_api(event_log=log)) as url:
        status, _, _ = await _post(url, json.dumps(body).encode())
    await log.close()
    [path] = tmp_path.glob("*.jsonl")
    assert status == 200
    assert json.loads(path.read_text())["character"]["x"] == 10**30


async def test_a_body_that_does_not_arrive_is_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "_BODY_SECONDS", 0.05)
    async with served(fake_api()) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(url).port)
        writer.write(b"POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        head = await asyncio.wait_for(reader.readline(), 5)
        writer.close()
        await writer.wait_closed()
    assert b" 408 " in head


async def test_leaving_a_search_ends_the_call_to_the_embedder() -> None:
    class Hanging(FakeEmbedder):
        ended = False

        async def embed_query(self, text):
            try:
                return await super().embed_query(text)
            finally:
                self.ended = True

    embedder = Hanging(delay=20)
    async with served(fake_api(embedder=embedder, deadline_seconds=60)) as url:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await session.get(url + "/users/ann/facts/search?q=x")
        for _ in range(50):
            if embedder.ended:
                break
            await asyncio.sleep(0.01)
    assert embedder.ended


async def test_several_replies_stand_beside_each_other() -> None:
    async with served(fake_api()) as url:
        _, reply, _ = await _post(url, BODY | {"n": 3})
    assert len({reply["id"], *(other["id"] for other in reply["alternatives"])}) == 3
    assert set(reply["alternatives"][0]) == {"id", "text", "finish_reason", "guard", "safety"}
