"""The OpenAI chat model over real HTTP: every fault has its error, its number of calls, and no leak."""

import asyncio
import inspect
import json
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx2
import openai
import orjson
import pytest

from repartee.application.deadline import deadline_in
from repartee.application.ports import (
    Completion,
    Prompt,
    PromptMessage,
    ResponseSchema,
    Sampling,
    Turn,
)
from repartee.domain.character import Character
from repartee.domain.errors import (
    ConfigurationError,
    DeadlineExceeded,
    UpstreamError,
    UpstreamInvalid,
    UpstreamMisconfigured,
    UpstreamModerated,
    UpstreamOutOfCredits,
    UpstreamRateLimited,
    UpstreamRefusedRequest,
    UpstreamTimeout,
    UpstreamUnavailable,
    UpstreamUnreachable,
)
from repartee.domain.user import User
from repartee.integrations import openai_chat_model, transport
from repartee.integrations.openai_chat_model import OpenAIChatModel, translated_openai_error
from repartee.integrations.transport import UnknownModel, Upstream
from tests.fakes import FakeTelemetry
from tests.loopback import faults
from tests.loopback.faults import Fault
from tests.loopback.upstream import LoopbackUpstream

KEY = "sk-or-v1-verysecretkey"
SECRET = "my sister is called Petronella"
PROMPT = Prompt(
    (PromptMessage("system", "Be Blaze."), PromptMessage("user", SECRET)),
    Turn(Character(name="Blaze"), User(), None, ()),
)
PLAIN = Sampling()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once: how long is waited is tested with the transport."""
    monkeypatch.setattr(transport, "_PAUSE", (0.0, 0.02))


@pytest.fixture
async def upstream() -> AsyncIterator[LoopbackUpstream]:
    async with LoopbackUpstream() as server:
        yield server


@pytest.fixture
def telemetry() -> FakeTelemetry:
    return FakeTelemetry()


@pytest.fixture
async def model(upstream: LoopbackUpstream, telemetry: FakeTelemetry) -> AsyncIterator[OpenAIChatModel]:
    async with model_at(upstream.url, telemetry) as made:
        yield made


@asynccontextmanager
async def model_at(
    url: str, telemetry: FakeTelemetry | None = None, **changes: Any
) -> AsyncIterator[OpenAIChatModel]:
    """Return a model that is closed at the end, whatever happens."""
    made = make_model(url, telemetry, **changes)
    try:
        yield made
    finally:
        await made.close()


def make_model(url: str, telemetry: FakeTelemetry | None = None, **changes: Any) -> OpenAIChatModel:
    attempts = changes.pop("attempts", 2)
    values: dict[str, Any] = {
        "api_key": KEY,
        "model": "some/model",
        "connect_timeout": 5.0,
        "attempt_timeout": 20.0,
    }
    upstream = Upstream("model", telemetry or FakeTelemetry(), attempts)
    return OpenAIChatModel(f"{url}/api/v1", upstream=upstream, **{**values, **changes})


async def streamed(model: OpenAIChatModel, sampling: Sampling = PLAIN) -> list[str | Completion]:
    return [piece async for piece in model.stream(PROMPT, sampling)]


async def called(model: OpenAIChatModel, mode: str) -> Completion:
    if mode == "complete":
        return await model.complete(PROMPT, PLAIN)
    *_, last = await streamed(model)
    assert isinstance(last, Completion)
    return last


def assert_no_leak(error: BaseException) -> None:
    """Neither the message nor a printed traceback may hold the key, the prompt or the reply."""
    printed = "".join(traceback.format_exception(error))
    for secret in (KEY, "Petronella", "Reply to"):
        assert secret not in printed


# --- what is sent -------------------------------------------------------------------------------------


async def test_sends_only_the_settings_that_are_set(
    model: OpenAIChatModel, upstream: LoopbackUpstream
) -> None:
    await model.complete(PROMPT, PLAIN)
    await model.complete(PROMPT, Sampling("other/model", 0.0, 0.9, 50, 7, ("\nMaya:",)))
    messages = [{"role": "system", "content": "Be Blaze."}, {"role": "user", "content": SECRET}]
    assert upstream.requests[0].body == {"model": "some/model", "messages": messages}
    assert upstream.requests[1].body == {
        "model": "other/model",
        "messages": messages,
        "temperature": 0.0,
        "top_p": 0.9,
        "max_tokens": 50,
        "seed": 7,
        "stop": ["\nMaya:"],
    }


async def test_asks_a_stream_for_its_usage(model: OpenAIChatModel, upstream: LoopbackUpstream) -> None:
    *_, last = await streamed(model)
    assert upstream.requests[0].body["stream"] is True
    assert upstream.requests[0].body["stream_options"] == {"include_usage": True}
    assert isinstance(last, Completion)
    assert last.usage.prompt_tokens > 0


async def test_ambient_variables_change_nothing(
    upstream: LoopbackUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-ambient")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-ambient")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-ambient")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-ambient")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://ambient.invalid")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: ambient\nX-Other: ambient")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with model_at(upstream.url) as model:
        await model.complete(PROMPT, PLAIN)
    headers = upstream.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["accept-encoding"] == "identity"
    assert "ambient" not in json.dumps(headers)


async def test_one_connection_serves_many_calls(model: OpenAIChatModel, upstream: LoopbackUpstream) -> None:
    for mode in ("complete", "stream", "stream", "complete"):
        await called(model, mode)
    assert upstream.connections == 1


@pytest.mark.parametrize("key", ["ключ", "two words", "line\nbreak"])
def test_a_key_that_no_header_can_carry_is_found_at_start(key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make_model("http://127.0.0.1:1", api_key=key)
    assert key not in str(caught.value)


@pytest.mark.parametrize("url", ["openrouter.ai", "ftp://host", "http://", "http://host:port", "http://[::1"])
def test_a_base_url_that_is_none_is_found_at_start(url: str) -> None:
    with pytest.raises(ConfigurationError):
        make_model(url)


# --- which model --------------------------------------------------------------------------------------


async def test_without_a_model_the_servers_first_one_is_used_and_remembered(
    upstream: LoopbackUpstream,
) -> None:
    async with model_at(upstream.url, model=None) as model:
        assert model.name == "(first model of the server)"
        assert (await model.complete(PROMPT, PLAIN)).model == "loopback-model"
        await streamed(model)
    assert upstream.hits("models") == 1


@pytest.mark.parametrize(
    "answer",
    [{"data": []}, {}, {"data": None}, {"data": ["x"]}, {"data": [{"id": 1}]}, {"data": {"id": "x"}}],
)
async def test_a_server_without_models_asks_for_the_setting(
    upstream: LoopbackUpstream, answer: dict[str, Any]
) -> None:
    async with model_at(upstream.url, model=None) as model:
        upstream.script("models", faults.body(answer))
        with pytest.raises(UpstreamMisconfigured, match="REPARTEE_LLM__MODEL"):
            await model.complete(PROMPT, PLAIN)


async def test_the_first_model_is_asked_for_again_when_the_server_no_longer_knows_it(
    upstream: LoopbackUpstream,
) -> None:
    async with model_at(upstream.url, model=None) as model:
        upstream.script("chat", faults.well, faults.status(404))
        await model.complete(PROMPT, PLAIN)
        with pytest.raises(UpstreamMisconfigured):
            await model.complete(PROMPT, PLAIN)
        await model.complete(PROMPT, PLAIN)
    assert upstream.hits("models") == 2


@pytest.mark.parametrize("code", [200, 404, 405])
async def test_check_passes_where_the_server_answers(
    model: OpenAIChatModel, upstream: LoopbackUpstream, code: int
) -> None:
    upstream.script("models", faults.status(code))
    await model.check()


async def test_check_fails_without_a_list_of_models_where_the_first_of_it_is_to_be_used(
    upstream: LoopbackUpstream,
) -> None:
    upstream.script("models", faults.status(404))
    async with model_at(upstream.url, model=None) as model:
        with pytest.raises(UpstreamMisconfigured):
            await model.check()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.status(401), UpstreamMisconfigured),
        (faults.status(503), UpstreamUnavailable),
        (faults.hang, UpstreamTimeout),
        (faults.redirect("http://127.0.0.1:9/"), UpstreamMisconfigured),
    ],
)
async def test_check_fails_without_a_retry(
    upstream: LoopbackUpstream, fault: Fault, error: type[UpstreamError]
) -> None:
    upstream.script("models", fault)
    async with model_at(upstream.url, attempt_timeout=0.5 if fault is faults.hang else 20.0) as model:
        with pytest.raises(error):
            await model.check()
    assert upstream.hits("models") == 1


# --- faults: which error, how many calls --------------------------------------------------------------

OPENROUTER_MODERATION = {
    "error": {
        "code": 403,
        "message": f"flagged: {SECRET}",
        "metadata": {
            "reasons": ["violence"],
            "flagged_input": SECRET,
            "provider_name": "x",
            "model_slug": "y",
        },
    }
}
QUOTA = {"error": {"code": "insufficient_quota", "type": "insufficient_quota", "message": SECRET}}
TOO_LONG = {"error": {"code": "context_length_exceeded", "message": SECRET}}

ANY_MODE: list[tuple[str, Fault, type[UpstreamError], int]] = [
    ("400", faults.status(400), UpstreamRefusedRequest, 1),
    ("400 too long", faults.status(400, body=TOO_LONG), UpstreamRefusedRequest, 1),
    ("401", faults.status(401), UpstreamMisconfigured, 1),
    ("402", faults.status(402), UpstreamOutOfCredits, 1),
    ("403", faults.status(403), UpstreamMisconfigured, 1),
    ("403 moderation", faults.status(403, body=OPENROUTER_MODERATION), UpstreamModerated, 1),
    ("404", faults.status(404), UnknownModel, 1),
    ("408", faults.status(408), UpstreamTimeout, 2),
    ("413", faults.status(413), UpstreamRefusedRequest, 1),
    ("422", faults.status(422), UpstreamRefusedRequest, 1),
    ("429", faults.status(429), UpstreamRateLimited, 2),
    ("429 quota", faults.status(429, body=QUOTA), UpstreamOutOfCredits, 1),
    ("429 for minutes", faults.status(429, "300"), UpstreamRateLimited, 1),
    ("500", faults.status(500), UpstreamUnavailable, 2),
    ("502", faults.status(502), UpstreamUnavailable, 2),
    ("503", faults.status(503), UpstreamUnavailable, 2),
    ("529", faults.status(529), UpstreamUnavailable, 2),
    ("204", faults.status(204), UpstreamInvalid, 1),
    ("400 as a bomb", faults.gzip_bomb(400), UpstreamRefusedRequest, 1),
    ("500 without end", faults.huge(500, mebibytes=64), UpstreamUnavailable, 2),
    ("bomb", faults.gzip_bomb(), UpstreamInvalid, 1),
    ("redirect", faults.redirect("http://127.0.0.1:9/"), UpstreamMisconfigured, 1),
    ("never answers", faults.hang, UpstreamTimeout, 2),
    ("heartbeats only", faults.heartbeats, UpstreamTimeout, 2),
    ("reset", faults.reset, UpstreamUnreachable, 2),
    ("html", faults.html, UpstreamInvalid, 1),
    ("no http", faults.not_http, UpstreamInvalid, 1),
    ("garbled", faults.garbled, UpstreamInvalid, 1),
    ("empty body", faults.body(b""), UpstreamInvalid, 1),
    ("error in 200: 401", faults.body({"error": {"code": 401, "message": SECRET}}), UpstreamMisconfigured, 1),
    ("error in 200: 402", faults.body({"error": {"code": 402, "message": SECRET}}), UpstreamOutOfCredits, 1),
    ("error in 200: moderation", faults.body(OPENROUTER_MODERATION), UpstreamModerated, 1),
    ("error in 200: 429", faults.body({"error": {"code": "429"}}), UpstreamRateLimited, 2),
    ("error in 200: named", faults.body({"error": {"code": "rate_limit_exceeded"}}), UpstreamRateLimited, 2),
    ("error in 200: 502", faults.body({"error": {"code": 502}}), UpstreamUnavailable, 2),
    ("error in 200: text", faults.body({"error": SECRET}), UpstreamInvalid, 1),
    ("error in 200: bare", faults.body({"error": {"message": SECRET}}), UpstreamInvalid, 1),
    ("choices missing", faults.edited(lambda it: it.pop("choices")), UpstreamInvalid, 1),
    ("choices empty", faults.edited(lambda it: it.update(choices=[])), UpstreamInvalid, 1),
    ("choices null", faults.edited(lambda it: it.update(choices=None)), UpstreamInvalid, 1),
    ("choices of null", faults.edited(lambda it: it.update(choices=[None])), UpstreamInvalid, 1),
    ("message null", faults.edited(lambda it: it["choices"][0].update(message=None)), UpstreamInvalid, 1),
    ("message missing", faults.edited(lambda it: it["choices"][0].pop("message")), UpstreamInvalid, 1),
    ("content null", faults.content(None), UpstreamInvalid, 1),
    ("content a number", faults.content(123), UpstreamInvalid, 1),
    ("content a list of no texts", faults.content([{"type": "text", "text": 5}]), UpstreamInvalid, 1),
    ("content empty", faults.content(""), UpstreamInvalid, 1),
    ("content blank", faults.content(" \n\t "), UpstreamInvalid, 1),
    ("a list", faults.body(b"[]"), UpstreamInvalid, 1),
    ("finish content_filter", faults.finish("content_filter"), UpstreamModerated, 1),
    ("finish error", faults.finish("error"), UpstreamUnavailable, 2),
    ("finish tool_calls", faults.finish("tool_calls"), UpstreamInvalid, 1),
]
WHOLE_ONLY: list[tuple[str, Fault, type[UpstreamError], int]] = [
    ("truncated", faults.truncated_json, UpstreamInvalid, 1),
    ("too short", faults.long_content_length, UpstreamInvalid, 1),
    ("too much", faults.huge(), UpstreamInvalid, 1),
    ("drip", faults.drip, UpstreamTimeout, 2),
]
STREAM_ONLY: list[tuple[str, Fault, type[UpstreamError], int]] = [
    ("error event first", faults.stream_then(2, faults.error_event), UpstreamUnavailable, 2),
    ("cut before text", faults.stream_then(2, faults.end_cleanly), UpstreamInvalid, 1),
    ("bad json first", faults.stream_then(1, faults.bad_json_event), UpstreamInvalid, 1),
    ("hang before text", faults.stream_then(2, faults.hang), UpstreamTimeout, 2),
    ("no object", faults.stream_then(1, faults.event(b"[1]")), UpstreamInvalid, 1),
    ("nothing at all", faults.stream_then(0, faults.end_cleanly), UpstreamInvalid, 1),
    ("only done", faults.body(b"data: [DONE]\n\n", faults.SSE), UpstreamInvalid, 1),
    ("drip", faults.drip, UpstreamTimeout, 2),
    (
        "a number as text",
        faults.stream_then(2, faults.event(b'{"choices":[{"delta":{"content":1}}]}')),
        UpstreamInvalid,
        1,
    ),
]
CASES = [
    *(pytest.param("complete", *rest, id=f"complete: {name}") for name, *rest in ANY_MODE + WHOLE_ONLY),
    *(
        pytest.param("stream", *rest, id=f"stream: {name}")
        for name, *rest in ANY_MODE + STREAM_ONLY
        if not name.startswith("finish")
    ),
]


@pytest.mark.parametrize(("mode", "fault", "error", "hits"), CASES)
async def test_each_fault_has_its_error(
    upstream: LoopbackUpstream, mode: str, fault: Fault, error: type[UpstreamError], hits: int
) -> None:
    telemetry = FakeTelemetry()
    patience = 0.25 if error is UpstreamTimeout else 20.0
    async with model_at(upstream.url, telemetry, attempt_timeout=patience) as model:
        upstream.script("chat", fault, fault)
        started = time.monotonic()
        with pytest.raises(UpstreamError) as caught:
            await called(model, mode)
    assert type(caught.value) is error
    assert upstream.hits("chat") == hits
    assert telemetry.upstreams == [("model", error.code)] * hits
    assert time.monotonic() - started < 10.0
    assert_no_leak(caught.value)


@pytest.mark.parametrize("mode", ["complete", "stream"])
@pytest.mark.parametrize(
    "fault",
    [faults.status(503), faults.status(429, "0"), faults.status(429, "-5"), faults.reset, faults.hang],
)
async def test_a_second_attempt_answers_where_the_first_could_not(
    upstream: LoopbackUpstream, mode: str, fault: Fault
) -> None:
    telemetry = FakeTelemetry()
    patience = 1.0 if fault is faults.hang else 20.0
    async with model_at(upstream.url, telemetry, attempt_timeout=patience) as model:
        upstream.script("chat", fault)
        assert (await called(model, mode)).text == f"Reply to: {SECRET}"
    assert upstream.hits("chat") == 2
    assert [outcome for _, outcome in telemetry.upstreams][1:] == ["ok"]


@pytest.mark.parametrize("mode", ["complete", "stream"])
async def test_with_one_attempt_the_same_fault_shows(upstream: LoopbackUpstream, mode: str) -> None:
    async with model_at(upstream.url, attempts=1) as model:
        upstream.script("chat", faults.status(503))
        with pytest.raises(UpstreamUnavailable):
            await called(model, mode)


async def test_refused_port_unknown_host_and_silent_host() -> None:
    for url, error in [
        ("http://127.0.0.1:9", UpstreamUnreachable),
        ("https://127.0.0.1:9", UpstreamUnreachable),
        ("http://no-such-host.invalid", UpstreamUnreachable),
    ]:
        async with model_at(url) as model:
            for mode in ("complete", "stream"):
                with pytest.raises(error):
                    await called(model, mode)
            with pytest.raises(error):
                await model.check()


async def test_https_against_a_plain_server_is_a_misconfiguration(upstream: LoopbackUpstream) -> None:
    async with model_at(upstream.url.replace("http://", "https://")) as model:
        with pytest.raises(UpstreamError) as caught:
            await model.complete(PROMPT, PLAIN)
    assert type(caught.value) is UpstreamMisconfigured


async def test_a_redirect_sends_nothing_elsewhere(model: OpenAIChatModel, upstream: LoopbackUpstream) -> None:
    async with LoopbackUpstream() as elsewhere:
        for mode in ("complete", "stream"):
            upstream.script("chat", faults.redirect(f"{elsewhere.url}/chat/completions"))
            with pytest.raises(UpstreamMisconfigured, match="final URL"):
                await called(model, mode)
        assert elsewhere.bytes_received == 0


# --- streams ------------------------------------------------------------------------------------------


async def test_pieces_make_up_the_completion(model: OpenAIChatModel, upstream: LoopbackUpstream) -> None:
    upstream.replies.append("*смеётся* Привет, Мая! 🦊\n\nКак дела?  ")
    *pieces, whole = await streamed(model)
    assert isinstance(whole, Completion)
    assert "".join(str(piece) for piece in pieces) == whole.text == "*смеётся* Привет, Мая! 🦊\n\nКак дела?  "
    assert all(pieces)
    assert whole.finish_reason == "stop"


async def test_a_reply_that_was_cut_off_says_so(model: OpenAIChatModel, upstream: LoopbackUpstream) -> None:
    for mode in ("complete", "stream"):
        upstream.script("chat", faults.finish("length"))
        assert (await called(model, mode)).finish_reason == "length"


async def test_other_words_for_stop_and_none_at_all(
    model: OpenAIChatModel, upstream: LoopbackUpstream
) -> None:
    for reason in ("eos", "STOP", "end_turn", None):
        for mode in ("complete", "stream"):
            upstream.script("chat", faults.finish(reason))
            assert (await called(model, mode)).finish_reason == "stop"


async def test_a_whole_document_in_place_of_a_stream_is_one_piece(
    model: OpenAIChatModel, upstream: LoopbackUpstream
) -> None:
    upstream.script("chat", faults.json_instead)
    text, whole = await streamed(model)
    assert isinstance(whole, Completion)
    assert text == whole.text == f"Reply to: {SECRET}"


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (faults.error_event, UpstreamUnavailable),
        (faults.event(b'{"error": {"code": 403, "metadata": {"reasons": []}}}'), UpstreamModerated),
        (faults.event(b'{"choices": [{"delta": {}, "finish_reason": "error"}]}'), UpstreamUnavailable),
        (faults.event(b'{"choices": [{"delta": {}, "finish_reason": "content_filter"}]}'), UpstreamModerated),
        (faults.bad_json_event, UpstreamInvalid),
        (faults.end_cleanly, UpstreamInvalid),
        (faults.reset_mid_chunk, UpstreamInvalid),
        (faults.hang, UpstreamTimeout),
    ],
)
async def test_a_stream_that_fails_on_the_way_raises_once_and_is_not_begun_again(
    upstream: LoopbackUpstream, end: Fault, error: type[UpstreamError]
) -> None:
    telemetry = FakeTelemetry()
    patience = 0.5 if end is faults.hang else 20.0
    async with model_at(upstream.url, telemetry, attempt_timeout=patience) as model:
        upstream.script("chat", faults.stream_then(4, end))
        pieces: list[str | Completion] = []
        with pytest.raises(UpstreamError) as caught:
            async for piece in model.stream(PROMPT, PLAIN):
                pieces.append(piece)  # noqa: PERF401 (what came before the error is wanted)
    assert type(caught.value) is error
    assert "".join(pieces) == "Reply to:"
    assert upstream.hits("chat") == 1
    assert telemetry.upstreams == [("model", error.code)]
    assert_no_leak(caught.value)


async def test_the_patience_is_for_each_wait_and_not_for_the_whole_stream(upstream: LoopbackUpstream) -> None:
    async def slowly(exchange: Any) -> None:
        for _ in range(8):
            await asyncio.sleep(0.1)
            await exchange.chunk(b": still there\n\n")
        await exchange.chunk(
            b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
        )

    upstream.script("chat", faults.stream_then(4, slowly))
    async with model_at(upstream.url, attempt_timeout=0.5) as model:
        *_, whole = await streamed(model)
    assert isinstance(whole, Completion)
    assert whole.text == "Reply to:"


async def test_framing_that_breaks_in_a_stream_never_hangs(upstream: LoopbackUpstream) -> None:
    """aiohttp 3.14 forgets its read time-out when the framing of a body breaks, and waits for ever."""
    upstream.script("chat", faults.stream_then(4, faults.garbled))
    async with model_at(upstream.url, attempt_timeout=0.5) as model:
        with pytest.raises((UpstreamTimeout, UpstreamInvalid)):
            await streamed(model)


async def test_an_endless_line_is_not_collected(model: OpenAIChatModel, upstream: LoopbackUpstream) -> None:
    upstream.script("chat", faults.body(b"data: " + b"x" * 3_000_000, faults.SSE))
    with pytest.raises(UpstreamInvalid, match="too large"):
        await streamed(model)


# --- deadlines, and letting go ------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["complete", "stream"])
@pytest.mark.parametrize("fault", [faults.hang, faults.heartbeats, faults.drip, faults.status(429, "2")])
async def test_nothing_outlasts_the_deadline(upstream: LoopbackUpstream, mode: str, fault: Fault) -> None:
    async with model_at(upstream.url, attempt_timeout=20.0) as model:
        upstream.script("chat", fault, fault)
        loop = asyncio.get_running_loop()
        started = loop.time()
        with pytest.raises((DeadlineExceeded, UpstreamRateLimited)):
            async with deadline_in(0.4):
                await called(model, mode)
        ended = loop.time()
        assert ended - started < 1.5
        if fault in {faults.hang, faults.heartbeats, faults.drip}:
            assert await upstream.requests[0].seconds_to_disconnect(ended) < 0.5


async def test_heartbeats_after_the_first_piece_do_not_extend_the_deadline(
    upstream: LoopbackUpstream,
) -> None:
    async with model_at(upstream.url, attempt_timeout=20.0) as model:

        async def beat(exchange: Any) -> None:
            while True:
                await exchange.chunk(b": OPENROUTER PROCESSING\n\n")
                await asyncio.sleep(0.02)

        upstream.script("chat", faults.stream_then(4, beat))
        pieces = []
        with pytest.raises(DeadlineExceeded):
            async with deadline_in(0.4):
                async for piece in model.stream(PROMPT, PLAIN):
                    pieces.append(piece)  # noqa: PERF401 (what came before the error is wanted)
    assert "".join(pieces) == "Reply to:"


@pytest.mark.parametrize("mode", ["complete", "stream"])
@pytest.mark.parametrize("fault", [faults.hang, faults.drip, faults.heartbeats])
async def test_cancelling_closes_the_connection(
    model: OpenAIChatModel, upstream: LoopbackUpstream, telemetry: FakeTelemetry, mode: str, fault: Fault
) -> None:
    upstream.script("chat", fault)
    task = asyncio.create_task(called(model, mode))
    request = await upstream.request("chat")
    await asyncio.sleep(0.05)
    left = asyncio.get_running_loop().time()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await request.seconds_to_disconnect(left) < 0.5
    assert upstream.hits("chat") == 1
    assert telemetry.upstreams == []


@pytest.mark.parametrize("count", [3, 4])
async def test_closing_the_iterator_closes_the_connection(
    model: OpenAIChatModel, upstream: LoopbackUpstream, telemetry: FakeTelemetry, count: int
) -> None:
    upstream.script("chat", faults.stream_then(count, faults.hang))
    async with aclosing(model.stream(PROMPT, PLAIN)) as pieces:
        async for piece in pieces:
            assert "Reply to:".startswith(piece)
            break
    left = asyncio.get_running_loop().time()
    assert await upstream.requests[0].seconds_to_disconnect(left) < 0.5
    assert telemetry.upstreams == []


async def test_an_iterator_that_is_closed_before_it_began_sends_nothing(
    model: OpenAIChatModel, upstream: LoopbackUpstream
) -> None:
    await model.stream(PROMPT, PLAIN).aclose()
    assert upstream.requests == []


async def test_a_server_that_does_not_end_its_stream_does_not_hold_the_reply_up(
    model: OpenAIChatModel, upstream: LoopbackUpstream
) -> None:
    upstream.script("chat", faults.stream_then(99, faults.hang))
    async with asyncio.timeout(5.0):  # the attempt would have 20
        *pieces, whole = await streamed(model)
    assert isinstance(whole, Completion)
    assert "".join(map(str, pieces)) == whole.text == f"Reply to: {SECRET}"


# --- the seam to the vendor's errors ------------------------------------------------------------------

NOT_PUBLIC = {
    "SubjectTokenProviderError": "workload identities are not used",
    "APIRemovedInV1": "a programming error",
    "_AmbiguousModuleClientUsageError": "a programming error",
    "MissingDependencyError": "a programming error",
    "StreamAlreadyConsumed": "a programming error",
    "MutuallyExclusiveAuthError": "Azure's client is not used",
    "AgentFilePreparationError": "agents are not used",
    "AgentFileStagingError": "agents are not used",
    "AgentOutputParseError": "agents are not used",
    "AgentTurnResultError": "agents are not used",
}
"""Errors that the package does not export at its top: never raised by `post` and `get`."""


def known_subclasses(kind: type[Exception]) -> set[type[Exception]]:
    return {kind}.union(*(known_subclasses(below) for below in kind.__subclasses__()))


def exported_errors() -> list[type[Exception]]:
    members = (getattr(openai, name) for name in openai.__all__)
    return [it for it in members if inspect.isclass(it) and issubclass(it, openai.OpenAIError)]


def test_every_error_of_the_vendor_is_mapped() -> None:
    unmapped = {
        kind.__name__
        for kind in known_subclasses(openai.OpenAIError) | set(exported_errors())
        if kind.__module__.startswith("openai") and not set(kind.__mro__) & set(openai_chat_model._MEANING)
    }
    assert unmapped - {"OpenAIError"} <= NOT_PUBLIC.keys()
    assert len(exported_errors()) >= 18


def test_every_error_of_the_transport_is_mapped() -> None:
    kinds = known_subclasses(httpx2.HTTPError) | {httpx2.InvalidURL}
    unmapped = {
        kind.__name__
        for kind in kinds
        if kind.__module__.startswith("httpx2") and not set(kind.__mro__) & set(openai_chat_model._MEANING)
    }
    assert unmapped <= {"HTTPError", "HTTPStatusError"}  # the client turns the second into an APIStatusError


@pytest.mark.parametrize("kind", sorted(exported_errors(), key=lambda kind: kind.__name__))
def test_an_errors_own_words_do_not_pass_the_seam(kind: type[Exception]) -> None:
    request = httpx2.Request("POST", "http://h/v1", headers={"authorization": f"Bearer {KEY}"})
    response = httpx2.Response(418, request=request, content=SECRET.encode())
    known = {"message": SECRET, "request": request, "response": response, "body": {"message": SECRET}}
    known |= {"completion": SimpleNamespace(usage=SECRET), "unsent_messages": [SECRET]}
    wanted = inspect.getfullargspec(kind.__init__) if inspect.isfunction(kind.__init__) else None
    error = kind(
        **{name: known[name] for name in [*wanted.args, *wanted.kwonlyargs] if name in known}
        if wanted
        else {}
    )
    translated = translated_openai_error(error, "model")
    assert isinstance(translated, UpstreamError)
    assert_no_leak(translated)


# --- an answer in a given form ------------------------------------------------------------------------

HELD = Sampling(response_schema=ResponseSchema("facts", {"type": "object"}))


async def test_a_schema_is_sent_as_response_format(
    model: OpenAIChatModel, upstream: LoopbackUpstream
) -> None:
    await model.complete(PROMPT, HELD)
    [request] = upstream.requests
    assert request.body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "facts", "strict": True, "schema": {"type": "object"}},
    }


async def test_a_server_that_refuses_schemas_is_asked_without_and_not_again(
    model: OpenAIChatModel, upstream: LoopbackUpstream
) -> None:
    upstream.script("chat", faults.status(400))
    first = await model.complete(PROMPT, HELD)
    await model.complete(PROMPT, HELD)
    await model.complete(PROMPT, replace(HELD, model="other/model"))
    assert first.text == f"Reply to: {SECRET}"
    sent = ["response_format" in request.body for request in upstream.requests]
    assert sent == [True, False, False, True]


async def test_a_request_that_is_refused_without_a_schema_too_says_nothing_about_schemas(
    model: OpenAIChatModel, upstream: LoopbackUpstream
) -> None:
    upstream.script("chat", faults.status(400), faults.status(400))
    with pytest.raises(UpstreamRefusedRequest):
        await model.complete(PROMPT, HELD)
    await model.complete(PROMPT, HELD)
    assert "response_format" in upstream.requests[-1].body


async def test_names_penalties_and_a_seed_that_counts_up_with_the_choices_are_sent(model, upstream) -> None:
    messages = (PromptMessage("system", "Hm.", "example_user"), PromptMessage("user", "Hi."))
    prompt = Prompt(messages, PROMPT.turn)
    sampling = Sampling(seed=7, presence_penalty=0.5, frequency_penalty=-0.5, choice=2)
    await model.complete(prompt, sampling)
    body = (await upstream.request("chat")).body
    assert body["messages"] == [
        {"role": "system", "content": "Hm.", "name": "example_user"},
        {"role": "user", "content": "Hi."},
    ]
    assert (body["seed"], body["presence_penalty"], body["frequency_penalty"]) == (9, 0.5, -0.5)


def test_what_comes_again_is_marked_in_parts_and_all_else_is_plain_text() -> None:
    marked = (
        PromptMessage("system", "rules", cache_until=5),
        PromptMessage("user", "hello\n\nfacts", cache_until=5),
        PromptMessage("assistant", "plain"),
    )
    body = orjson.loads(openai_chat_model._request("m", replace(PROMPT, messages=marked), PLAIN))
    mark = {"cache_control": {"type": "ephemeral"}}
    assert [message["content"] for message in body["messages"]] == [
        [{"type": "text", "text": "rules", **mark}],
        [{"type": "text", "text": "hello", **mark}, {"type": "text", "text": "\n\nfacts"}],
        "plain",
    ]


@pytest.mark.parametrize("status", [200, 400])
async def test_a_body_that_is_not_read_to_its_end_closes_its_connection(upstream, model, status):
    upstream.script("chat", faults.huge(status))
    with pytest.raises(UpstreamError):
        await model.complete(PROMPT, PLAIN)
    left = asyncio.get_running_loop().time()
    assert await upstream.requests[0].seconds_to_disconnect(left) < 0.5
