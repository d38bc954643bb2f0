import json

import aiohttp
import pytest

from repartee.domain.errors import (
    UpstreamMisconfigured,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
    UpstreamUnreachable,
)
from tests.fakes import FakeChatModel
from tests.serving import fake_api, served

SAYS = {"model": "fake", "messages": [{"role": "user", "content": "hi"}]}
CANARY = "canary-1f7e"


async def ask(url: str, path: str = "/v1/chat/completions", body: object = None, **kwargs):
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    method = "GET" if data is None else "POST"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url + path, data=data, **kwargs) as response,
    ):
        assert response.headers["content-type"] == "application/json"
        answer = json.loads(await response.read())
        assert set(answer) == {"error"}
        assert set(answer["error"]) == {"message", "type", "param", "code"}
        return response, answer["error"]


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (UpstreamUnavailable("x", "model"), 502, "server_error", "upstream_unavailable"),
        (UpstreamUnreachable("x", "model"), 503, "server_error", "upstream_unreachable"),
        (UpstreamTimeout("x", "model"), 504, "server_error", "upstream_timeout"),
        (UpstreamRateLimited("x", "model", 12.3), 429, "rate_limit_error", "upstream_rate_limited"),
        (UpstreamMisconfigured("x", "model"), 502, "server_error", "upstream_config"),
        (RuntimeError(CANARY), 500, "server_error", "internal"),
    ],
)
async def test_a_failing_model_is_told_in_openais_form(error, status, kind, code) -> None:
    async with served(fake_api(model=FakeChatModel(failure=error))) as url:
        response, told = await ask(url, body=SAYS)
    assert (response.status, told["type"], told["code"]) == (status, kind, code)
    assert response.headers.get("retry-after") == ("13" if status == 429 else None)
    assert CANARY not in json.dumps(told)


BAD = {
    "not json": (b"{", "body"),
    "a list": (b"[]", None),
    "no messages": ({"model": "fake"}, "messages"),
    "no model": ({"messages": []}, "model"),
    "nothing said": ({"model": "fake", "messages": []}, "messages"),
    "unknown role": ({**SAYS, "messages": [{"role": CANARY, "content": "x"}]}, "messages.0.role"),
    "content": ({**SAYS, "messages": [{"role": "user", "content": 7}]}, "messages.0.content"),
    "text part": (
        {**SAYS, "messages": [{"role": "user", "content": [{"type": "text"}]}]},
        "messages.0.content",
    ),
    "n": ({**SAYS, "n": 9}, "n"),
    "temperature": ({**SAYS, "temperature": 3}, "temperature"),
    "top_p": ({**SAYS, "top_p": -0.1}, "top_p"),
    "max_tokens": ({**SAYS, "max_tokens": 0}, "max_tokens"),
    "stop": ({**SAYS, "stop": [1]}, "stop.0"),
    "a list among the stops": ({**SAYS, "stop": [[]]}, "stop.0"),
    "an object among the stops": ({**SAYS, "stop": [{}]}, "stop.0"),
    "a part whose type is a list": (
        {**SAYS, "messages": [{"role": "user", "content": [{"type": ["text"], "text": "x"}]}]},
        "messages",
    ),
    "user": ({**SAYS, "user": f"* {CANARY}"}, "user"),
    "our fields": ({**SAYS, "repartee": {"canary": 1}}, "repartee.canary"),
    "our user": ({**SAYS, "repartee": {"user": {"id": "*"}}}, "repartee.user.id"),
    "too long": (
        {"model": "blaze", "messages": [{"role": "user", "content": "x" * 32_001}]},
        "messages.0.content",
    ),
    "card too long": (
        {"model": "blaze", "messages": [{"role": "system", "content": "x" * 65_537}]},
        "messages",
    ),
}


@pytest.mark.parametrize(("body", "param"), BAD.values(), ids=BAD)
async def test_a_bad_request_is_400_and_names_the_field_without_what_was_sent(body, param) -> None:
    async with served(fake_api(max_body_bytes=100_000)) as url:
        response, told = await ask(url, body=body)
    assert (response.status, told["param"], told["code"]) == (400, param, "invalid_input")
    assert told["message"].startswith(f"{param}: " if param not in {"body", None} else "")
    assert CANARY not in told["message"]


async def test_a_model_that_is_not_there_is_404_in_both_places() -> None:
    async with served(fake_api()) as url:
        for path, body in [
            ("/v1/chat/completions", {**SAYS, "model": CANARY}),
            (f"/v1/models/{CANARY}", None),
        ]:
            response, told = await ask(url, path, body)
            assert (response.status, told["code"], told["param"]) == (404, "model_not_found", "model")
            assert CANARY not in told["message"]


async def test_a_path_a_method_a_body_and_a_page_that_are_not_welcome() -> None:
    async with served(fake_api(max_body_bytes=1_000)) as url:
        assert (await ask(url, "/v1/completions", SAYS))[0].status == 404
        assert (await ask(url, "/v1/chat/completions"))[0].status == 405
        assert (await ask(url, body=b" " * 2_000))[0].status == 413
        response, told = await ask(url, body=SAYS, headers={"origin": "http://evil.example"})
        assert (response.status, told["type"]) == (403, "permission_error")


async def test_a_wrong_key_is_401_that_says_which_way_to_send_one() -> None:
    async with served(fake_api(keys=("k1",))) as url:
        response, told = await ask(url, body=SAYS, headers={"authorization": f"Bearer {CANARY}"})
    assert (response.status, told["type"], told["code"]) == (401, "authentication_error", "unauthorized")
    assert response.headers["www-authenticate"] == "Bearer"
    assert "Authorization: Bearer" in told["message"]


async def test_other_paths_keep_problem_documents() -> None:
    async with (
        served(fake_api()) as url,
        aiohttp.ClientSession() as session,
        session.post(url + "/generate", data=b"{") as response,
    ):
        assert (response.status, response.headers["content-type"]) == (422, "application/problem+json")
