"""Traces: a span per request with its calls below it, and never a word of a user."""

import pytest

pytest.importorskip("opentelemetry.sdk", reason="repartee[otel] is not installed")

import aiohttp
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from repartee.application.ports import ReplyMeasurement, Usage
from repartee.infrastructure.tracing import TracedTelemetry, make_tracer_provider
from repartee.integrations.transport import outgoing_traces
from tests.resilience import bench, say

CANARY = "canary-words-of-a-user"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def telemetry(exporter) -> TracedTelemetry:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return TracedTelemetry(provider)


def client_of(telemetry: TracedTelemetry, status: int = 200) -> TestClient:
    def answer(request):
        telemetry.upstream("embedder", "ok", 0.01)
        telemetry.upstream("store", "upstream_timeout", 0.02)
        telemetry.upstream("model", "ok", 0.5)
        telemetry.reply(ReplyMeasurement("m-1", "ok", Usage(7, 3), 2))
        return PlainTextResponse(CANARY, status)

    app = Starlette(routes=[Route("/users/{user_id}/facts", answer, methods=["POST"])])
    return TestClient(telemetry.traced(app), raise_server_exceptions=False)


def test_calls_to_dependencies_hang_below_the_request(exporter, telemetry):
    client_of(telemetry).post(f"/users/{CANARY}/facts", content=CANARY)
    *calls, request = exporter.get_finished_spans()
    assert [call.name for call in calls] == ["embeddings", "search", "chat"]
    assert {call.parent.span_id for call in calls} == {request.context.span_id}
    assert [round((call.end_time - call.start_time) / 1e9, 2) for call in calls] == [0.01, 0.02, 0.5]


def test_attributes_follow_the_conventions(exporter, telemetry):
    client_of(telemetry).post("/users/u/facts")
    embedding, search, chat, request = exporter.get_finished_spans()
    assert embedding.attributes["gen_ai.operation.name"] == "embeddings"
    assert search.attributes["db.system.name"] == "qdrant"
    assert (search.attributes["error.type"], search.status.is_ok) == ("upstream_timeout", False)
    assert chat.attributes["gen_ai.operation.name"] == "chat"
    assert request.name == "POST /users/{user_id}/facts"
    assert request.attributes["http.route"] == "/users/{user_id}/facts"
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["gen_ai.response.model"] == "m-1"
    assert request.attributes["gen_ai.usage.input_tokens"] == 7
    assert request.attributes["gen_ai.usage.output_tokens"] == 3


def test_no_word_and_no_user_id_reaches_a_span(exporter, telemetry):
    client_of(telemetry).post(f"/users/{CANARY}/facts?q={CANARY}", content=CANARY, headers={"x-a": CANARY})
    assert exporter.get_finished_spans()
    assert all(CANARY not in span.to_json() for span in exporter.get_finished_spans())


def test_a_failure_marks_the_request(exporter, telemetry):
    client_of(telemetry, 503).post("/users/u/facts")
    request = exporter.get_finished_spans()[-1]
    assert (request.status.is_ok, request.attributes["error.type"]) == (False, "503")


def test_a_callers_trace_goes_on(exporter, telemetry):
    client_of(telemetry).post("/users/u/facts", headers={"traceparent": PARENT})
    assert {f"{span.context.trace_id:032x}" for span in exporter.get_finished_spans()} == {
        PARENT.split("-")[1]
    }


def test_a_header_that_is_no_trace_begins_one(exporter, telemetry):
    client_of(telemetry).post("/users/u/facts", headers={"traceparent": "nonsense"})
    assert exporter.get_finished_spans()[-1].parent is None


def test_a_share_of_nothing_sends_nothing_but_what_a_caller_began(exporter):
    provider = make_tracer_provider("http://127.0.0.1:1/v1/traces", 0.0, exporter)
    telemetry = TracedTelemetry(provider)
    client_of(telemetry).post("/users/u/facts")
    client_of(telemetry).post("/users/u/facts", headers={"traceparent": PARENT})
    telemetry.close()
    assert {f"{span.context.trace_id:032x}" for span in exporter.get_finished_spans()} == {
        PARENT.split("-")[1]
    }


def test_the_counters_count_as_ever(telemetry):
    client_of(telemetry).post("/users/u/facts")
    assert b"repartee_facts_used_total 2.0" in telemetry.exposition()


# --- upstreams ----------------------------------------------------------------------------------------


async def _asked(folder, *, enabled: bool) -> tuple[list, list]:
    """Send one request with facts to the real service; return what the upstreams got, by kind."""
    tracing = {"enabled": enabled, "endpoint": "http://127.0.0.1:9/v1/traces"}
    cohere = {"rerank": {"kind": "none"}}
    async with bench(folder, tracing=tracing, retrieval={"deadline_seconds": 5.0}, **cohere) as made:
        made_by_start = len(made.upstream.requests)
        async with aiohttp.ClientSession() as session:
            body = say(user={"id": "ann"})
            async with session.post(
                made.url + "/generate", json=body, headers={"traceparent": PARENT, "tracestate": "v=1"}
            ) as answer:
                assert answer.status == 200
        asked = made.upstream.requests[made_by_start:]
        return (
            [one.headers for one in asked if one.endpoint == "chat"],
            [one.headers for one in asked if one.endpoint == "cohere_embed"],
        )


async def test_upstreams_are_told_of_the_trace_whose_span_is_their_parent(tmp_path):
    chats, embeddings = await _asked(tmp_path, enabled=True)
    assert len(chats) == len(embeddings) == 1
    [chat], [embedding] = chats, embeddings
    version, trace_id, span_id, flags = chat["traceparent"].split("-")
    assert (version, trace_id, flags) == ("00", PARENT.split("-")[1], "01")
    assert span_id != PARENT.split("-")[2], "our own span, not the caller's"
    assert embedding["traceparent"] == chat["traceparent"]
    assert chat["tracestate"] == "v=1"


async def test_without_tracing_nothing_is_said_and_nothing_is_asked_per_request(tmp_path):
    chats, embeddings = await _asked(tmp_path, enabled=False)
    assert len(chats) == len(embeddings) == 1
    assert all("traceparent" not in headers for headers in [*chats, *embeddings])
    assert outgoing_traces() == []
