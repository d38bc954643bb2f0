"""The routes that go round the framework answer as they do within it."""

import asyncio
from typing import Any

import aiohttp
import orjson
import pytest
from starlette.types import Message, Scope
from yarl import URL

from repartee.domain.errors import UpstreamRateLimited
from repartee.presentation.api import app as application
from repartee.presentation.api.http_protocol import BoundedHttpProtocol
from tests.fakes import FakeChatModel
from tests.serving import fake_api, served

TURN: dict[str, Any] = {
    "messages": [{"role": "user", "text": "hey there"}],
    "user": {"id": "ann"},
    "character": {"name": "Ada", "description": "Mends clocks."},
}
CHAT: dict[str, Any] = {"model": "marlow", "messages": [{"role": "user", "content": "hey"}]}
FAILURES = (UpstreamRateLimited("slow down", "model", retry_after=3.0), RuntimeError("a defect"))
CHANGING = {"id", "ids", "request_id", "timings", "created"}


async def _asked(method: str, path: str, body: bytes, failure: Exception | None) -> tuple[Any, ...]:
    model = FakeChatModel("Tick tock.", failure=failure)
    api = fake_api(model=model, max_body_bytes=2_000)
    async with (
        served(api, BoundedHttpProtocol) as url,
        aiohttp.ClientSession() as session,
        session.request(method, url + path, data=body, headers={"x-request-id": "r1"}) as response,
        session.get(url + "/metrics") as metrics,
    ):
        raw = await response.read()
        counted = [line for line in (await metrics.text()).splitlines() if "requests_total{" in line]
        content = orjson.loads(raw) if raw and "json" in response.content_type else raw.decode()
        kept = {
            name: value for name, value in response.headers.items() if name not in {"Date", "Content-Length"}
        }
    return response.status, kept, _unchanging(content), counted


def _unchanging(content: Any) -> Any:
    """Leave out what is new in every answer."""
    if not isinstance(content, dict):
        return content
    return {name: _unchanging(value) for name, value in content.items() if name not in CHANGING}


@pytest.mark.parametrize(("path", "body"), [("/generate", TURN), ("/v1/chat/completions", CHAT)])
@pytest.mark.parametrize(
    ("method", "change", "failure"),
    [
        ("POST", {}, None),
        ("POST", {}, FAILURES[0]),
        ("POST", {}, FAILURES[1]),
        ("POST", {"messages": [{"role": "nobody"}]}, None),
        ("POST", {"character": "nobody", "model": "nobody"}, None),
        ("POST", {"user": {"id": "x" * 3_000}}, None),
        ("POST", None, None),
        ("GET", {}, None),
        ("HEAD", {}, None),
        ("OPTIONS", {}, None),
    ],
)
async def test_a_busy_route_answers_and_counts_as_the_framework_would(
    path: str,
    body: dict[str, Any],
    method: str,
    change: dict[str, Any] | None,
    failure: Exception | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent = b"{" if change is None else orjson.dumps(body | change)
    directly = await _asked(method, path, sent, failure)
    monkeypatch.setattr(application, "_BUSY", ())
    assert directly == await _asked(method, path, sent, failure)


async def test_a_busy_route_leaves_the_framework_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: Any) -> None:
        raise AssertionError("the framework was asked")

    monkeypatch.setattr("fastapi.FastAPI.__call__", refuse)
    async with (
        served(fake_api(model=FakeChatModel("Tick tock.")), BoundedHttpProtocol) as url,
        aiohttp.ClientSession() as session,
        session.post(url + "/generate", data=orjson.dumps(TURN)) as response,
    ):
        assert (await response.json())["text"] == "Tick tock."


async def test_a_websocket_at_a_busy_route_is_refused_by_the_framework() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "websocket", "path": "/generate", "headers": [], "subprotocols": []}
    await fake_api()(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]


@pytest.mark.parametrize("stream", [False, True])
async def test_our_protocol_tells_when_the_client_has_left(*, stream: bool) -> None:
    model = FakeChatModel("one two three", delay=5.0)
    body = orjson.dumps(TURN | {"stream": stream})
    async with served(fake_api(model=model), BoundedHttpProtocol) as url:
        address = URL(url)
        _, writer = await asyncio.open_connection(address.host, address.port)
        head = f"POST /generate HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        async with asyncio.timeout(4.0):
            while not model.prompts:
                await asyncio.sleep(0.01)
            writer.close()
            while not model.cancelled:
                await asyncio.sleep(0.01)
