"""Every fault of an upstream and what our client gets for it: answer, time, number of upstream calls.

Each case is run again with the protection that it is about switched off, and must fail then: a check that
passes either way checks nothing.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from dishka import Provider

from repartee.application.ports import Completion, Usage
from repartee.application.retrieve_facts import RetrieveFacts
from repartee.domain.errors import UpstreamUnavailable
from repartee.integrations import openai_chat_model, transport
from repartee.integrations.openai_chat_model import OpenAIChatModel
from repartee.integrations.transport import Upstream
from tests.loopback import faults
from tests.loopback.faults import Fault
from tests.loopback.upstream import LoopbackUpstream
from tests.resilience import DEADLINE, RETRIEVAL, SLACK, Bench, Outcome, Unprotected, bench, say

WITH_FACTS = {"user": {"id": "ann", "name": "Ann"}}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once: how long is waited is tested with the transport."""
    monkeypatch.setattr(transport, "_PAUSE", (0.0, 0.02))


@dataclass(frozen=True)
class Case:
    """A fault, what must come of it, and `without`: the protection that makes it so."""

    fault: tuple[Fault, ...]
    status: int
    code: str | None
    hits: int
    without: str
    stream: bool = False
    endpoint: str = "chat"
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        more = {} if self.endpoint == "chat" else WITH_FACTS
        return say("tea and cake", **({"stream": True} if self.stream else {}), **more)


async def breaches(case: Case, running: Bench) -> list[str]:
    """Run the case; return what is wrong with the outcome."""
    running.upstream.unscript(case.endpoint)
    running.upstream.script(case.endpoint, *case.fault)
    before = running.upstream.hits(case.endpoint)
    outcome = await running.post(case.body)
    found = _streamed(case, outcome) if case.stream and outcome.status == 200 else _whole(case, outcome)
    hits = running.upstream.hits(case.endpoint) - before
    if hits != case.hits:
        found.append(f"{hits} upstream calls")
    bound = DEADLINE if case.endpoint == "chat" else RETRIEVAL
    if outcome.seconds > bound + SLACK:
        found.append(f"{outcome.seconds:.2f} s")
    return found


def _whole(case: Case, outcome: Outcome) -> list[str]:
    found = []
    if (outcome.status, outcome.code) != (case.status, case.code):
        found.append(f"{outcome.status} {outcome.code}")
    for path, wanted in case.about.items():
        value: Any = {"headers": outcome.headers, **(outcome.body or {})}
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value != wanted:
            found.append(f"{path} is {value}")
    return found


def _streamed(case: Case, outcome: Outcome) -> list[str]:
    names = [name for name, _ in outcome.body]
    ends = [name for name in names if name in {"done", "error"}]
    if len(ends) != 1 or names[-1] != ends[0]:
        return [f"the stream ends with {names[-2:]}"]
    code = outcome.body[-1][1].get("code")
    return [] if code == case.code else [f"it ends with {names[-1]} {code}"]


# --- the protections, each with its switch ------------------------------------------------------------


def _naive_completion(body: bytes, dependency: str = "", asked_model: str = "") -> Completion:
    """Read as the vendor's package does: nothing is checked, what is missing is nothing."""
    try:
        choice = (orjson.loads(body).get("choices") or [{}])[0]
    except (orjson.JSONDecodeError, AttributeError):
        choice = {}
    text = (choice.get("message") or {}).get("content")
    return Completion(str(text), asked_model, "stop", Usage())


class _NaiveReader:
    """Take what comes; an end is an end."""

    done = False

    def __init__(self, dependency: str = "", asked_model: str = "") -> None:
        self._raw = b""
        self._model = asked_model

    def feed(self, chunk: bytes) -> Iterator[str]:
        self._raw += chunk
        yield "…"

    def end(self) -> Iterator[str | Completion]:
        yield Completion("…", self._model, "stop", Usage())


@asynccontextmanager
async def _untranslated(_model: OpenAIChatModel, seconds: float | None = None) -> AsyncIterator[None]:
    async with asyncio.timeout(seconds):
        yield


@dataclass
class Setup:
    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    overrides: tuple[Provider, ...] = ()


def _no_deadline(_patch: pytest.MonkeyPatch) -> Setup:
    return Setup({"reply": {"deadline_seconds": 60.0}, "retrieval": {"deadline_seconds": 60.0}})


def _no_retry(_patch: pytest.MonkeyPatch) -> Setup:
    return Setup(overrides=(Unprotected(attempts=1),))


def _many_retries(_patch: pytest.MonkeyPatch) -> Setup:
    return Setup(overrides=(Unprotected(attempts=6),))


def _deaf_to_retry_after(patch: pytest.MonkeyPatch) -> Setup:
    patch.setattr(transport, "retry_after_seconds", lambda _header: None)
    return Setup()


def _statuses_alike(patch: pytest.MonkeyPatch) -> Setup:
    patch.setattr(transport, "_MEANING_OF_STATUS", {})
    patch.setattr(transport, "_MEANING_OF_CODE", {})
    patch.setattr(transport, "_MEANING_OF_HUNDREDS", dict.fromkeys(range(3, 6), (UpstreamUnavailable, "")))
    return Setup()


def _naive_reading(patch: pytest.MonkeyPatch) -> Setup:
    patch.setattr(openai_chat_model, "parse_completion", _naive_completion)
    patch.setattr(openai_chat_model, "CompletionReader", _NaiveReader)
    patch.setattr(transport, "reported_error", lambda *_: None)
    return Setup()


def _no_framing(patch: pytest.MonkeyPatch) -> Setup:
    """A client that takes what came for all of it where the connection ended early."""
    whole = Upstream.translated

    @asynccontextmanager
    async def forgiving(self: Upstream, seconds: float | None = None) -> AsyncIterator[None]:
        async with whole(self, None if seconds is None else 60.0):
            yield

    async def whole_body(_dependency: str, response: aiohttp.ClientResponse) -> bytes:
        body = b""
        try:
            async for chunk in response.content.iter_any():
                body += chunk
        except Exception:  # noqa: BLE001  # what is shown is what a forgiving client would do
            return body
        return body

    patch.setattr(openai_chat_model, "whole_body", whole_body)
    patch.setattr(Upstream, "translated", forgiving)
    return Setup()


def _raw_errors(patch: pytest.MonkeyPatch) -> Setup:
    patch.setattr(OpenAIChatModel, "_translated", _untranslated)
    return Setup()


def _one_fate(patch: pytest.MonkeyPatch) -> Setup:
    async def unguarded(self: RetrieveFacts, *arguments: Any) -> Any:
        return await self.explained(*arguments)

    patch.setattr(RetrieveFacts, "__call__", unguarded)
    return Setup()


OFF: dict[str, Callable[[pytest.MonkeyPatch], Setup]] = {
    "deadline": _no_deadline,
    "retry": _no_retry,
    "retry limit": _many_retries,
    "retry-after": _deaf_to_retry_after,
    "classification": _statuses_alike,
    "strict reading": _naive_reading,
    "framing": _no_framing,
    "translation": _raw_errors,
    "isolation": _one_fate,
}


# --- F1 to F8: the model ------------------------------------------------------------------------------


def _choices(value: Any) -> Fault:
    return faults.edited(lambda document: document.update(choices=value))


def _without_choices(document: dict[str, Any]) -> None:
    del document["choices"]


WRONG = {
    "html": faults.html,
    "truncated": faults.truncated_json,
    "no choices": faults.edited(_without_choices),
    "empty choices": _choices([]),
    "null choices": _choices(None),
    "null message": _choices([{"message": None, "finish_reason": "stop"}]),
    "null content": faults.content(None),
    "a number": faults.content(123),
    "blank": faults.content(" \n"),
    "unknown end": faults.finish("tool_calls"),
}
CHAT = {
    "F1 never answers": Case((faults.hang,), 504, "upstream_timeout", 1, "deadline"),
    "F1 stream": Case((faults.hang,), 504, "upstream_timeout", 1, "deadline", stream=True),
    "F2 drip": Case((faults.drip,), 504, "upstream_timeout", 1, "deadline"),
    "F2 drip, stream": Case((faults.drip,), 504, "upstream_timeout", 1, "deadline", stream=True),
    "F2 heartbeats": Case((faults.heartbeats,), 504, "upstream_timeout", 1, "deadline"),
    "F2 heartbeats, stream": Case((faults.heartbeats,), 504, "upstream_timeout", 1, "deadline", stream=True),
    **{
        f"F3 retry after {wait}": Case((faults.status(429, wait),), 200, None, 2, "retry")
        for wait in (None, "0", "-5", "soon", "Fri, 20 Nov 2020 12:00:00 GMT")
    },
    "F3 retry after 300": Case(
        (faults.status(429, "300"),), 503, "upstream_rate_limited", 1, "retry-after",
        about={"headers.retry-after": "300", "retry_after": 300},
    ),
    "F3 503, retry after 300": Case(
        (faults.status(503, "300"),), 503, "upstream_unavailable", 1, "retry-after",
        about={"headers.retry-after": "300"},
    ),
    **{f"F4 {code}": Case((faults.status(code),) * 6, 502, "upstream_unavailable", 2, "retry limit")
       for code in (500, 502, 503, 529)},
    "F4 recovers": Case((faults.status(500),), 200, None, 2, "retry"),
    "F4 stream recovers": Case((faults.status(500),), 200, None, 2, "retry", stream=True),
    **{f"F5 {code}": Case((faults.status(code),), 502, meaning, 1, "classification")
       for code, meaning in ((401, "upstream_config"), (402, "upstream_credits"), (403, "upstream_config"),
                             (404, "upstream_config"))},
    "F5 moderated": Case(
        (faults.status(403, body={"error": {"code": 403, "metadata": {"reasons": ["x"]}}}),),
        502, "upstream_moderation", 1, "moderation",
    ),
    **{f"F6 {name}": Case((fault,), 502, "upstream_invalid", 1, "strict reading")
       for name, fault in WRONG.items()},
    "F6 too short": Case((faults.long_content_length,), 502, "upstream_invalid", 1, "framing"),
    "F6 error in 200": Case(
        (faults.body({"error": {"code": 401, "message": "no"}}),), 502, "upstream_config", 1, "strict reading"
    ),
    "F7 length": Case(
        (faults.finish("length"),), 200, None, 1, "strict reading", about={"finish_reason": "length"}
    ),
    "F7 filtered": Case((faults.finish("content_filter"),), 502, "upstream_moderation", 1, "strict reading"),
    "F7 failed": Case((faults.finish("error"),) * 2, 502, "upstream_unavailable", 2, "strict reading"),
    "F8 error event": Case(
        (faults.stream_then(4, faults.error_event),), 200, "upstream_unavailable", 1, "strict reading", True
    ),
    **{
        f"F8 {name}": Case((faults.stream_then(4, end),), 200, "upstream_invalid", 1, "strict reading", True)
        for name, end in (("cut", faults.end_cleanly), ("bad JSON", faults.bad_json_event))
    },
    "F8 reset": Case(
        (faults.stream_then(4, faults.reset_mid_chunk),), 200, "upstream_invalid", 1, "translation", True
    ),
    "F8 hang": Case((faults.stream_then(4, faults.hang),), 200, "upstream_timeout", 1, "deadline", True),
    "F8 HTML": Case((faults.html,), 502, "upstream_invalid", 1, "strict reading", True),
}  # fmt: skip


def _no_moderation(patch: pytest.MonkeyPatch) -> Setup:
    patch.setattr(transport, "_is_moderation", lambda _detail: False)
    return Setup()


OFF["moderation"] = _no_moderation

# --- F11: retrieval -----------------------------------------------------------------------------------

LOST = {"retrieval.status": "error"}
UNSORTED = {"retrieval.status": "ok", "retrieval.rerank": "failed"}
RETRIEVED = {
    **{
        f"F11 embed {name}": Case(
            (fault,) * 2, 200, None, hits, "isolation", endpoint="cohere_embed", about=LOST
        )
        for name, fault, hits in (
            ("429", faults.status(429), 2),
            ("500", faults.status(500), 2),
            ("401", faults.status(401), 1),
            ("not a number", faults.not_a_number, 1),
            ("longer", faults.longer_vectors, 1),
            ("short", faults.short_list, 1),
            ("html", faults.html, 1),
        )
    },
    "F11 embed hangs": Case(
        (faults.hang,), 200, None, 1, "deadline", endpoint="cohere_embed", about=LOST
    ),
    "F11 embed drips": Case(
        (faults.drip,), 200, None, 1, "deadline", endpoint="cohere_embed", about=LOST
    ),
    **{
        f"F11 rerank {name}": Case(
            (fault,) * 2, 200, None, hits, without, endpoint="rerank", about=UNSORTED
        )
        for name, fault, hits, without in (
            ("500", faults.status(500), 2, "rerank isolation"),
            ("short", faults.short_list, 1, "rerank isolation"),
            ("hangs", faults.hang, 1, "deadline"),
        )
    },
}  # fmt: skip


def _rerank_matters(patch: pytest.MonkeyPatch) -> Setup:
    from repartee.application import retrieve_facts  # noqa: PLC0415  # only this switch reaches into it

    patch.setattr(retrieve_facts, "UpstreamError", LookupError)
    return Setup()


OFF["rerank isolation"] = _rerank_matters
CASES = CHAT | RETRIEVED


async def _run(names: list[str], folder: Path, setup: Setup) -> dict[str, list[str]]:
    """Run cases one after another on one service."""
    async with bench(folder, *setup.overrides, **setup.sections) as running:
        facts = {"facts": [{"text": "likes tea"}, {"text": "bakes cake"}]}
        assert (await running.post(facts, "/users/ann/facts")).status == 200
        return {name: await breaches(CASES[name], running) for name in names}


PARTS = {
    "chat": [name for name in CHAT if not CHAT[name].stream],
    "stream": [name for name in CHAT if CHAT[name].stream],
    "retrieval": list(RETRIEVED),
}


@pytest.mark.parametrize("part", PARTS)
async def test_every_fault_has_its_answer_in_time_and_its_number_of_calls(part: str, tmp_path: Path) -> None:
    found = await _run(PARTS[part], tmp_path, Setup(overrides=(Unprotected(),)))
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("without", OFF)
async def test_without_its_protection_each_check_fails(
    without: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [name for name, case in CASES.items() if case.without == without]
    if without == "deadline":  # each waits until the client gives up: one of each kind is enough
        names = ["F1 never answers", "F2 heartbeats, stream", "F11 embed hangs"]
    assert names
    setup = OFF[without](monkeypatch)
    found = await _run(names, tmp_path, Setup(setup.sections, setup.overrides or (Unprotected(),)))
    assert [name for name, wrong in found.items() if not wrong] == []


# --- F9, F10: where the model should be ---------------------------------------------------------------


@contextmanager
def black_hole() -> Iterator[str]:
    """An address whose packets are dropped: a listener whose backlog is full."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@asynccontextmanager
async def _at(folder: Path, url: str, connect: float = 0.3, deadline: float = 20.0) -> AsyncIterator[Bench]:
    sections = {
        "llm": {"base_url": url, "model": "first", "connect_seconds": connect},
        "reply": {"deadline_seconds": deadline},
    }
    async with bench(folder, **sections) as running:
        yield running


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://no-such-host.invalid", "TLS", "black hole"])
async def test_a_model_that_cannot_be_reached_is_said_within_two_seconds(url: str, tmp_path: Path) -> None:
    with black_hole() as hole:
        async with LoopbackUpstream() as plain:
            places = {"TLS": plain.url.replace("http:", "https:"), "black hole": hole}
            async with _at(tmp_path, places.get(url, url)) as running:
                outcome = await running.post(say())
    assert outcome.status in {502, 503, 504}
    assert outcome.seconds < 2.0


async def test_without_the_time_limit_on_connecting_a_black_hole_swallows_the_request(tmp_path: Path) -> None:
    with black_hole() as hole:
        async with _at(tmp_path, hole, connect=30.0) as running:
            assert (await running.post(say())).status == 0


@pytest.mark.parametrize("following", [False, True])
async def test_a_redirect_is_an_error_and_sends_nothing_elsewhere(
    following: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if following:
        post = aiohttp.ClientSession.post
        monkeypatch.setattr(
            aiohttp.ClientSession,
            "post",
            lambda session, url, **more: post(session, url, **more | {"allow_redirects": True}),
        )
    async with LoopbackUpstream() as elsewhere, bench(tmp_path) as running:
        running.upstream.script("chat", faults.redirect(f"{elsewhere.url}/v1/chat/completions"))
        outcome = await running.post(say())
        sent = elsewhere.bytes_received
    assert (outcome.status, sent > 0) == ((200, True) if following else (502, False))


# --- F12: the store -----------------------------------------------------------------------------------


async def test_with_a_store_that_hangs_replies_come_without_facts_in_time(tmp_path: Path) -> None:
    over = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    qdrant = {"url": url, "prefer_grpc": False, "timeout_seconds": 1}
    async with bench(tmp_path, qdrant=qdrant) as running:
        outcome = await running.post(say(**WITH_FACTS))
    over.set()
    server.close()
    await asyncio.sleep(0.05)
    assert (outcome.status, outcome.body["retrieval"]["status"]) == (200, "error")
    assert outcome.seconds < RETRIEVAL + SLACK
