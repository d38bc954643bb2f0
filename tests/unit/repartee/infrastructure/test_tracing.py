"""Traces: a span per request with its calls below it, and never a word of a user."""

import pytest

pytest.importorskip("opentelemetry.sdk", reason="repartee[otel] is not installed")

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from repartee.application.ports import ReplyMeasurement, Usage
from repartee.infrastructure.tracing import TracedTelemetry, make_tracer_provider

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
