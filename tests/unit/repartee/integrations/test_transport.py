"""The one policy: what is tried again, how long is waited, what an answer may hold."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repartee.application.deadline import deadline_in
from repartee.domain.errors import (
    DeadlineExceeded,
    UpstreamError,
    UpstreamInvalid,
    UpstreamMisconfigured,
    UpstreamModerated,
    UpstreamOutOfCredits,
    UpstreamRateLimited,
    UpstreamRefusedRequest,
    UpstreamTimeout,
    UpstreamTransient,
    UpstreamUnavailable,
    UpstreamUnreachable,
)
from repartee.integrations import transport
from repartee.integrations.json_http import JsonHttp
from repartee.integrations.transport import (
    Upstream,
    bearer,
    error_for_status,
    reported_error,
    retry_after_seconds,
)
from tests.fakes import FakeTelemetry
from tests.loopback import faults
from tests.loopback.faults import Fault
from tests.loopback.upstream import LoopbackUpstream

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
BODY = {"model": "m", "input": ["tea"]}


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once: how long is waited has tests of its own."""
    monkeypatch.setattr(transport, "_PAUSE", (0.0, 0.02))


@pytest.fixture
async def upstream() -> AsyncIterator[LoopbackUpstream]:
    async with LoopbackUpstream() as server:
        yield server


@pytest.fixture
def telemetry() -> FakeTelemetry:
    return FakeTelemetry()


@pytest.fixture
async def http(upstream: LoopbackUpstream, telemetry: FakeTelemetry) -> AsyncIterator[JsonHttp]:
    async with http_at(upstream.url, telemetry) as made:
        yield made


@asynccontextmanager
async def http_at(
    url: str, telemetry: FakeTelemetry, attempts: int = 2, attempt_timeout: float = 20.0
) -> AsyncIterator[JsonHttp]:
    headers = bearer("embedder", "sk-verysecretkey")
    made = JsonHttp(Upstream("embedder", telemetry, attempts), url, headers, attempt_timeout)
    try:
        yield made
    finally:
        await made.close()


# --- what is tried again ------------------------------------------------------------------------------

CASES: list[tuple[str, Fault, type[UpstreamError], int]] = [
    ("201", faults.status(201), UpstreamInvalid, 1),
    ("400", faults.status(400), UpstreamRefusedRequest, 1),
    ("401", faults.status(401), UpstreamMisconfigured, 1),
    ("402", faults.status(402), UpstreamOutOfCredits, 1),
    ("403", faults.status(403), UpstreamMisconfigured, 1),
    ("404", faults.status(404), UpstreamMisconfigured, 1),
    ("408", faults.status(408), UpstreamTimeout, 2),
    ("409", faults.status(409), UpstreamRefusedRequest, 1),
    ("413", faults.status(413), UpstreamRefusedRequest, 1),
    ("422", faults.status(422), UpstreamRefusedRequest, 1),
    ("429", faults.status(429), UpstreamRateLimited, 2),
    ("500", faults.status(500), UpstreamUnavailable, 2),
    ("502", faults.status(502), UpstreamUnavailable, 2),
    ("503", faults.status(503), UpstreamUnavailable, 2),
    ("504", faults.status(504), UpstreamUnavailable, 2),
    ("529", faults.status(529), UpstreamUnavailable, 2),
    ("never answers", faults.hang, UpstreamTimeout, 2),
    ("drip", faults.drip, UpstreamTimeout, 2),
    ("heartbeats", faults.heartbeats, UpstreamTimeout, 2),
    ("reset", faults.reset, UpstreamUnreachable, 2),
    ("redirect", faults.redirect("http://127.0.0.1:9/"), UpstreamMisconfigured, 1),
    ("html", faults.html, UpstreamInvalid, 1),
    ("truncated", faults.truncated_json, UpstreamInvalid, 1),
    ("too short", faults.long_content_length, UpstreamInvalid, 1),
    ("garbled", faults.garbled, UpstreamInvalid, 1),
    ("no http", faults.not_http, UpstreamInvalid, 1),
    ("bomb", faults.gzip_bomb(), UpstreamInvalid, 1),
    ("too much", faults.huge(), UpstreamInvalid, 1),
    ("nan", faults.not_a_number, UpstreamInvalid, 1),
    ("error in 200", faults.body({"error": {"code": 503}}), UpstreamUnavailable, 2),
    ("error in 200, no code", faults.body({"error": "no"}), UpstreamInvalid, 1),
]


@pytest.mark.usefixtures("short_pauses")
@pytest.mark.parametrize(("fault", "error", "hits"), [pytest.param(*rest, id=name) for name, *rest in CASES])
async def test_hits_and_error_of_each_fault(
    upstream: LoopbackUpstream,
    telemetry: FakeTelemetry,
    fault: Fault,
    error: type[UpstreamError],
    hits: int,
) -> None:
    upstream.script("embeddings", fault, fault)
    patience = 0.25 if error is UpstreamTimeout else 20.0
    async with http_at(upstream.url, telemetry, attempt_timeout=patience) as http:
        with pytest.raises(UpstreamError) as caught:
            await http.post("/embeddings", BODY)
    assert type(caught.value) is error
    assert upstream.hits("embeddings") == hits
    assert telemetry.upstreams == [("embedder", error.code)] * hits
    assert "verysecretkey" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_retry_hides_one_failure_and_is_counted(
    upstream: LoopbackUpstream, http: JsonHttp, telemetry: FakeTelemetry
) -> None:
    upstream.script("embeddings", faults.status(503))
    assert (await http.post("/embeddings", BODY))["data"]
    assert telemetry.upstreams == [("embedder", "upstream_unavailable"), ("embedder", "ok")]


async def test_without_the_retry_the_failure_shows(
    upstream: LoopbackUpstream, telemetry: FakeTelemetry
) -> None:
    async with http_at(upstream.url, telemetry, attempts=1) as http:
        upstream.script("embeddings", faults.status(503))
        with pytest.raises(UpstreamUnavailable):
            await http.post("/embeddings", BODY)


async def test_unreachable_hosts(telemetry: FakeTelemetry) -> None:
    for url in ("http://127.0.0.1:9", "http://no-such-host.invalid"):
        async with http_at(url, telemetry) as http:
            with pytest.raises(UpstreamUnreachable):
                await http.post("/embeddings", BODY)


async def test_a_redirect_sends_nothing_elsewhere(upstream: LoopbackUpstream, http: JsonHttp) -> None:
    async with LoopbackUpstream() as elsewhere:
        upstream.script("embeddings", faults.redirect(elsewhere.url))
        with pytest.raises(UpstreamMisconfigured):
            await http.post("/embeddings", BODY)
        assert elsewhere.bytes_received == 0


async def test_one_connection_and_no_compression_asked_for(
    upstream: LoopbackUpstream, http: JsonHttp
) -> None:
    for _ in range(3):
        await http.post("/embeddings", BODY)
    assert upstream.connections == 1
    assert upstream.requests[0].headers["accept-encoding"] == "identity"
    assert upstream.requests[0].headers["authorization"] == "Bearer sk-verysecretkey"


# --- how long is waited -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "seconds"), [("1", 1.0), ("0", 0.1), ("-5", 0.1), ("soon", 0.1), ("nan", 0.1), (None, 0.1)]
)
async def test_a_retry_waits_as_asked(
    upstream: LoopbackUpstream, http: JsonHttp, header: str | None, seconds: float
) -> None:
    upstream.script("embeddings", faults.status(429, header))
    await http.post("/embeddings", BODY)
    first, second = (request.started for request in upstream.requests)
    assert seconds - 0.01 <= second - first < seconds + 1.0


async def test_a_wait_of_minutes_is_left_to_the_caller(upstream: LoopbackUpstream, http: JsonHttp) -> None:
    upstream.script("embeddings", faults.status(429, "300"))
    started = time.monotonic()
    with pytest.raises(UpstreamRateLimited) as caught:
        await http.post("/embeddings", BODY)
    assert caught.value.retry_after == 300.0
    assert upstream.hits("embeddings") == 1
    assert time.monotonic() - started < 5.0


@pytest.mark.parametrize(
    ("seconds", "header", "hits"), [(0.4, None, 1), (0.9, "1", 1), (5.0, "1", 2), (5.0, None, 2)]
)
async def test_no_retry_is_begun_whose_wait_passes_the_deadline(
    upstream: LoopbackUpstream, http: JsonHttp, seconds: float, header: str | None, hits: int
) -> None:
    upstream.script("embeddings", faults.status(429, header), faults.status(429, header))
    with pytest.raises(UpstreamRateLimited):
        async with deadline_in(seconds):
            await http.post("/embeddings", BODY)
    assert upstream.hits("embeddings") == hits


@pytest.mark.parametrize("fault", [faults.hang, faults.drip, faults.heartbeats])
async def test_nothing_extends_the_deadline(
    upstream: LoopbackUpstream, telemetry: FakeTelemetry, fault: Fault
) -> None:
    async with http_at(upstream.url, telemetry, attempt_timeout=20.0) as http:
        upstream.script("embeddings", fault, fault)
        loop = asyncio.get_running_loop()
        started = loop.time()
        with pytest.raises(DeadlineExceeded):
            async with deadline_in(0.3):
                await http.post("/embeddings", BODY)
        ended = loop.time()
        assert ended - started < 1.5
        assert await upstream.requests[0].seconds_to_disconnect(ended) < 0.5
        assert telemetry.upstreams == [("embedder", "deadline")]


async def test_a_deadline_that_another_task_was_given_bounds_no_attempt(
    upstream: LoopbackUpstream, telemetry: FakeTelemetry
) -> None:
    async with http_at(upstream.url, telemetry, attempts=1, attempt_timeout=0.3) as http:
        upstream.script("embeddings", faults.hang)
        async with deadline_in(0.2):
            task = asyncio.create_task(http.post("/embeddings", BODY))
            await asyncio.sleep(0)
        with pytest.raises(UpstreamTimeout):
            await asyncio.wait_for(task, 5.0)


@pytest.mark.parametrize("status", [200, 500])
async def test_a_body_that_is_not_read_to_its_end_closes_its_connection(
    upstream: LoopbackUpstream, http: JsonHttp, status: int
) -> None:
    upstream.script("embeddings", faults.huge(status), faults.huge(status))
    with pytest.raises(UpstreamError):
        await http.post("/embeddings", BODY)
    left = asyncio.get_running_loop().time()
    assert await upstream.requests[-1].seconds_to_disconnect(left) < 0.5


async def test_cancellation_passes_through_uncounted_and_closes_the_connection(
    upstream: LoopbackUpstream, http: JsonHttp, telemetry: FakeTelemetry
) -> None:
    upstream.script("embeddings", faults.hang)
    task = asyncio.create_task(http.post("/embeddings", BODY))
    request = await upstream.request("embeddings")
    left = asyncio.get_running_loop().time()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await request.seconds_to_disconnect(left) < 0.5
    assert telemetry.upstreams == []
    assert upstream.hits("embeddings") == 1


async def test_cancellation_passes_through_a_wait(upstream: LoopbackUpstream, http: JsonHttp) -> None:
    upstream.script("embeddings", faults.status(429, "30"))
    task = asyncio.create_task(http.post("/embeddings", BODY))
    await upstream.request("embeddings")
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert upstream.hits("embeddings") == 1


@pytest.mark.parametrize("error", [KeyError("x"), UpstreamInvalid("x", "d"), DeadlineExceeded("x")])
async def test_only_a_passing_failure_is_tried_again(telemetry: FakeTelemetry, error: Exception) -> None:
    calls = 0

    async def attempt() -> None:
        nonlocal calls
        calls += 1
        raise error

    with pytest.raises(type(error)):
        await Upstream("d", telemetry).call(attempt)
    assert calls == 1


# --- streams ------------------------------------------------------------------------------------------


class Attempts:
    """Hands out scripted streams; remembers how many were begun and closed."""

    def __init__(self, *scripts: list[Any]) -> None:
        self.begun = 0
        self.closed = 0
        self._scripts = list(scripts)

    async def __call__(self) -> AsyncGenerator[str, None]:
        script = self._scripts[self.begun]
        self.begun += 1
        try:
            for step in script:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, float):
                    await asyncio.sleep(step)
                else:
                    yield step
        finally:
            self.closed += 1


DOWN = UpstreamUnavailable("x", "d")


@pytest.mark.parametrize(
    ("scripts", "pieces", "error", "begun", "counted"),
    [
        ([["a", "b"]], ["a", "b"], None, 1, ["ok"]),
        ([[DOWN], ["a"]], ["a"], None, 2, ["upstream_unavailable", "ok"]),
        ([[DOWN], [DOWN]], [], UpstreamUnavailable, 2, ["upstream_unavailable"] * 2),
        ([["a", DOWN]], ["a"], UpstreamUnavailable, 1, ["upstream_unavailable"]),
        ([[5.0, "a"], ["b"]], ["b"], None, 2, ["upstream_timeout", "ok"]),
        ([["a", 0.2, "b"]], ["a", "b"], None, 1, ["ok"]),
    ],
)
async def test_a_stream_is_begun_again_only_before_its_first_item(
    telemetry: FakeTelemetry,
    scripts: list[list[Any]],
    pieces: list[str],
    error: type[UpstreamError] | None,
    begun: int,
    counted: list[str],
) -> None:
    attempts, seen = Attempts(*scripts), []

    async def consume() -> None:
        async for piece in Upstream("d", telemetry).stream(attempts, first_within=0.1):
            seen.append(piece)  # noqa: PERF401 (what came before the error is wanted)

    if error:
        with pytest.raises(error):
            await consume()
    else:
        await consume()
    assert seen == pieces
    assert attempts.begun == attempts.closed == begun
    assert [outcome for _, outcome in telemetry.upstreams] == counted


async def test_closing_a_stream_closes_the_attempt_at_once(telemetry: FakeTelemetry) -> None:
    attempts = Attempts(["a", 5.0, "b"])
    stream = Upstream("d", telemetry).stream(attempts, first_within=1.0)
    assert await anext(stream) == "a"
    await stream.aclose()
    assert attempts.closed == 1
    assert telemetry.upstreams == []


# --- meanings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        ("1.5", 1.5),
        ("-5", 0.0),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("soon", None),
        ("Fri, 20 Nov 2026 12:00:30 GMT", 30.0),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0.0),
        ("Fri, 20 Nov 2026 12:00:30 -0000", None),
        ("Fri, 99 Nov 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, lambda: NOW) == seconds


@settings(deadline=None)
@given(st.text(max_size=40) | st.datetimes(timezones=st.just(UTC)).map(format_datetime))
def test_retry_after_never_raises(header: str) -> None:
    seconds = retry_after_seconds(header)
    assert seconds is None or 0.0 <= seconds < 1e300


def test_every_status_is_an_error_that_says_whether_to_try_again() -> None:
    for status in range(100, 600):
        error = error_for_status("d", status, {"retry-after": "3"})
        assert isinstance(error, UpstreamTransient) == (status in {408, 429} or status >= 500)
        assert str(status) in error.message


@pytest.mark.parametrize(
    ("detail", "error"),
    [
        ({"code": 401}, UpstreamMisconfigured),
        ({"code": "402"}, UpstreamOutOfCredits),
        ({"code": 429, "type": "insufficient_quota"}, UpstreamRateLimited),
        ({"code": "insufficient_quota"}, UpstreamOutOfCredits),
        ({"type": "insufficient_quota"}, UpstreamOutOfCredits),
        ({"code": None, "type": "overloaded_error"}, UpstreamUnavailable),
        ({"code": "content_filter"}, UpstreamModerated),
        ({"code": 403, "metadata": {"reasons": ["x"]}}, UpstreamModerated),
        ({"code": 403, "metadata": {"provider_name": "x"}}, UpstreamMisconfigured),
        ({"metadata": {"flagged_input": "x"}}, UpstreamModerated),
        ({"code": 200}, UpstreamInvalid),
        ({"code": 12345}, UpstreamInvalid),
        ({"code": "²²²"}, UpstreamInvalid),
        ({"code": ["x"]}, UpstreamInvalid),
        ({"code": True}, UpstreamInvalid),
        ("words", UpstreamInvalid),
        (["words"], UpstreamInvalid),
    ],
)
def test_an_error_inside_a_200(detail: Any, error: type[UpstreamError]) -> None:
    assert type(reported_error("d", {"error": detail})) is error


@pytest.mark.parametrize("answer", [{}, {"error": None}, {"error": {}}, {"error": ""}, [], None, "error"])
def test_no_error_inside_a_200(answer: Any) -> None:
    assert reported_error("d", answer) is None


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda it: st.lists(it) | st.dictionaries(st.sampled_from(["code", "type", "metadata", "error"]), it),
    )
)
def test_reading_a_reported_error_never_raises(detail: Any) -> None:
    error = reported_error("d", {"error": detail})
    assert (error is None) == (not detail)
