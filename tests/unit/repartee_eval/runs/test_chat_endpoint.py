import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from repartee_eval.errors import EvalError
from repartee_eval.prices import Price
from repartee_eval.runs.chat_endpoint import ChatEndpoint, ChatRequest
from repartee_eval.runs.http_failures import retry_after_seconds
from repartee_eval.runs.job import Answer, CallFailed
from repartee_eval.runs.limits import Concurrency
from repartee_eval.runs.retries import Retries
from repartee_eval.runs.runner import Runner
from tests.loopback import faults
from tests.loopback.faults import Fault
from tests.loopback.upstream import LoopbackUpstream
from tests.unit.repartee_eval.runs.jobs import opened

KEY = "sk-canary-7f3a"
REQUEST = ChatRequest.of(
    {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": "SECRET"}]}
)


@pytest.fixture
async def upstream() -> AsyncIterator[LoopbackUpstream]:
    async with LoopbackUpstream() as upstream:
        yield upstream


@pytest.fixture
async def endpoint(upstream: LoopbackUpstream) -> AsyncIterator[ChatEndpoint]:
    async with ChatEndpoint(
        f"{upstream.url}/v1", "m", api_key=KEY, price=Price(1.0, 10.0), timeout=0.4
    ) as endpoint:
        yield endpoint


async def test_an_answer_is_the_whole_body_with_its_tokens_and_its_price(
    upstream: LoopbackUpstream, endpoint: ChatEndpoint
) -> None:
    answer = await endpoint.complete(REQUEST)
    assert '"Reply to: SECRET"' in answer.raw
    assert answer.prompt_tokens > 0
    expected = (answer.prompt_tokens + 10 * answer.completion_tokens) / 1e6
    assert answer.cost == pytest.approx(expected)
    assert upstream.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert endpoint.worst_cost(REQUEST) >= answer.cost


@pytest.mark.parametrize(
    ("fault", "reason", "retryable"),
    [
        (faults.status(400), "refused", False),
        (faults.status(401), "misconfigured", False),
        (faults.status(402), "out_of_credits", False),
        (faults.status(404), "misconfigured", False),
        (faults.status(408), "timeout", True),
        (faults.status(429), "rate_limited", True),
        (faults.status(429, body={"error": {"code": "insufficient_quota"}}), "out_of_credits", False),
        (faults.status(403, body={"error": {"metadata": {"reasons": ["x"]}}}), "moderated", False),
        (faults.status(500), "unavailable", True),
        (faults.status(529), "unavailable", True),
        (faults.body({"error": {"code": 503, "message": "SECRET"}}), "unavailable", True),
        (faults.body({"error": {"message": "SECRET"}}), "invalid_answer", True),
        (faults.body({"choices": []}), "invalid_answer", True),
        (faults.body(b"[1]"), "invalid_answer", True),
        (faults.body({"choices": [{"message": None}]}), "invalid_answer", True),
        (faults.html, "invalid_answer", True),
        (faults.truncated_json, "invalid_answer", True),
        (faults.long_content_length, "invalid_answer", True),
        (faults.garbled, "invalid_answer", True),
        (faults.not_http, "invalid_answer", True),
        (faults.content("  "), "invalid_answer", True),
        (faults.content(None), "invalid_answer", True),
        (faults.finish("content_filter"), "moderated", False),
        (faults.reset, "unreachable", True),
        (faults.huge(), "invalid_answer", False),
        (faults.gzip_bomb(), "invalid_answer", True),
        (faults.hang, "timeout", True),
        (faults.drip, "timeout", True),
        (faults.heartbeats, "timeout", True),
        (faults.redirect("http://127.0.0.1:9/"), "misconfigured", False),
    ],
)
async def test_a_fault_has_one_reason_and_no_words_of_anybody(
    upstream: LoopbackUpstream, endpoint: ChatEndpoint, fault: Fault, reason: str, retryable: bool
) -> None:
    upstream.script("chat", fault)
    with pytest.raises(CallFailed) as caught:
        await asyncio.wait_for(endpoint.complete(REQUEST), 2)
    failure = caught.value
    assert (failure.reason, failure.retryable) == (reason, retryable)
    assert failure.limited == (reason == "rate_limited")
    assert failure.__suppress_context__ or failure.__context__ is None
    assert not any(word in str(failure) for word in (KEY, "SECRET"))
    assert upstream.hits("chat") == 1


async def test_nobody_there_is_unreachable() -> None:
    async with ChatEndpoint("http://127.0.0.1:9/v1", "m") as endpoint:
        with pytest.raises(CallFailed) as caught:
            await endpoint.complete(REQUEST)
    assert caught.value.reason == "unreachable"


async def test_a_proxy_of_the_environment_is_not_used(
    endpoint: ChatEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await endpoint.complete(REQUEST)).raw


@pytest.mark.parametrize(
    ("header", "seconds"), [("1", 1), ("0.5", 0.5), ("-5", 0), ("soon", None), ("nan", None), (None, None)]
)
def test_retry_after_is_seconds_or_nothing(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header) == seconds


def test_a_date_in_retry_after_that_is_past_means_at_once() -> None:
    assert retry_after_seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0


@pytest.mark.parametrize("url", ["ftp://x", "x", "http://", "http://a:b@host/v1", "http://h/v1?key=1"])
def test_an_address_that_cannot_be_right_is_refused(url: str) -> None:
    with pytest.raises(EvalError, match="must look like"):
        ChatEndpoint(url, "m")


def test_a_key_that_cannot_be_right_is_refused_without_being_said() -> None:
    with pytest.raises(EvalError) as caught:
        ChatEndpoint("http://h/v1", "m", api_key="sk canary")
    assert "canary" not in str(caught.value)


def test_a_request_has_to_bound_its_answer() -> None:
    with pytest.raises(EvalError, match="max_tokens"):
        ChatRequest.of({"model": "m", "messages": []})


@dataclass
class Item:
    number: int
    to: ChatEndpoint
    worst_cost: float | None = None

    @property
    def key(self) -> str:
        return hashlib.sha256(str(self.number).encode()).hexdigest()

    @property
    def endpoint(self) -> str:
        return self.to.name

    async def send(self) -> Answer:
        return await self.to.complete(REQUEST)


async def test_a_run_gets_through_an_endpoint_that_does_all_of_it(
    upstream: LoopbackUpstream, endpoint: ChatEndpoint, tmp_path: Path
) -> None:
    bad = [
        faults.status(429, "0.05"),
        faults.truncated_json,
        faults.hang,
        faults.drip,
        faults.status(503),
        faults.reset,
        faults.html,
        faults.status(429),
    ]
    upstream.script("chat", *bad * 3)
    store = opened(tmp_path)
    runner = Runner(store, concurrency=Concurrency(8, 16), retries=Retries(base=0.01))
    summary = await runner.run(Item(number, endpoint) for number in range(60))
    store.close()
    assert (summary.answered, summary.failed) == (60, {})
    assert summary.calls == upstream.hits("chat") == 60 + len(bad) * 3
