"""OpenTelemetry traces: one span per request, one below it for each call to a dependency.

Attributes follow the HTTP and the GenAI semantic conventions. No text is ever recorded: neither messages,
facts and prompts nor paths with a user's id. This module is imported only where tracing is switched on.
"""

import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

import aiohttp
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from repartee.application.ports import ReplyMeasurement
from repartee.infrastructure.telemetry import PrometheusTelemetry

_OPERATIONS: Final = {"model": "chat", "embedder": "embeddings", "reranker": "rerank", "store": "search"}
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_INSTRUMENT: Final = "repartee"


def make_tracer_provider(endpoint: str, share: float, exporter: SpanExporter | None = None) -> TracerProvider:
    """Return a provider that sends `share` (0 to 1) of the traces that begin here to an OTLP/HTTP endpoint.

    A trace that a caller began is kept or left out as the caller decided.
    """
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(share)),
        resource=Resource.create({SERVICE_NAME: "repartee", SERVICE_VERSION: version("repartee")}),
    )
    provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter(endpoint=endpoint)))
    return provider


def trace_context() -> aiohttp.TraceConfig:
    """Return what puts `traceparent` and `tracestate` into each request to an upstream.

    The parent that they name is the span of our request, as the span of the call is made when it is over.
    """
    config = aiohttp.TraceConfig()
    config.on_request_start.append(_sent)
    return config


async def _sent(_session: object, _context: object, request: aiohttp.TraceRequestStartParams) -> None:
    _PROPAGATOR.inject(request.headers)


class TracedTelemetry(PrometheusTelemetry):
    """The counters, and spans beside them."""

    def __init__(self, provider: TracerProvider) -> None:
        super().__init__()
        self._provider = provider
        self._tracer = provider.get_tracer(_INSTRUMENT)

    def upstream(self, dependency: str, outcome: str, seconds: float) -> None:
        """Count a call, and add a span for it below the request's."""
        super().upstream(dependency, outcome, seconds)
        now = time.time_ns()
        kind = dependency.partition("-")[0]
        operation = _OPERATIONS.get(kind, kind)
        attributes: dict[str, str] = {"repartee.dependency": dependency, "repartee.outcome": outcome}
        attributes |= (
            {"db.system.name": "qdrant", "db.operation.name": operation}
            if kind == "store"
            else {"gen_ai.operation.name": operation}
        )
        span = self._tracer.start_span(
            operation, kind=SpanKind.CLIENT, attributes=attributes, start_time=now - int(seconds * 1e9)
        )
        if outcome != "ok":
            span.set_attribute("error.type", outcome)
            span.set_status(Status(StatusCode.ERROR))
        span.end(now)

    def reply(self, measurement: ReplyMeasurement) -> None:
        """Count a reply, and say on the request's span what it took."""
        super().reply(measurement)
        trace.get_current_span().set_attributes(
            {
                "gen_ai.response.model": measurement.model,
                "gen_ai.usage.input_tokens": measurement.usage.prompt_tokens,
                "gen_ai.usage.output_tokens": measurement.usage.completion_tokens,
                "repartee.retrieval.status": measurement.retrieval_status,
                "repartee.facts.used": measurement.facts_used,
            }
        )

    def traced(self, app: ASGIApp) -> ASGIApp:
        """Return the application with a span around each request."""
        return _Traced(app, self._tracer)

    def close(self) -> None:
        """Send what is waiting."""
        self._provider.shutdown()


class _Traced:
    def __init__(self, app: ASGIApp, tracer: trace.Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context: Context = _PROPAGATOR.extract(_trace_headers(scope))
        method = str(scope["method"])
        with self._tracer.start_as_current_span(
            method,
            context,
            SpanKind.SERVER,
            {"http.request.method": method, "url.scheme": str(scope.get("scheme", "http"))},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                await self._app(scope, receive, _watched(send, span))
            finally:
                route = getattr(scope.get("route"), "path", None)
                if route:
                    span.set_attribute("http.route", route)
                    span.update_name(f"{method} {route}")


def _trace_headers(scope: Scope) -> Mapping[str, str]:
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in scope["headers"]
        if name in {b"traceparent", b"tracestate"}
    }


def _watched(send: Send, span: Span) -> Send:
    async def watched(message: Message) -> None:
        if message["type"] == "http.response.start":
            status: Any = message["status"]
            span.set_attribute("http.response.status_code", status)
            if status >= 500:
                span.set_status(Status(StatusCode.ERROR))
                span.set_attribute("error.type", str(status))
        await send(message)

    return watched
