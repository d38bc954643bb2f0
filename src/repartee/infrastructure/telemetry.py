"""Counters and histograms for Prometheus. Labels come from closed lists."""

import os
from collections.abc import Sequence
from functools import cache
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp

from repartee.application.ports import CircuitState, ReplyMeasurement, RetryDecision, Telemetry, Usage
from repartee.infrastructure.shared_metrics import FOLDER_VARIABLE

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_CIRCUIT: dict[CircuitState, int] = {"closed": 0, "half_open": 1, "open": 2}


_Metric = TypeVar("_Metric", Counter, Gauge, Histogram)


def _labelled(metric: _Metric, *labels: str) -> _Metric:
    return metric.labels(*labels)


class PrometheusTelemetry(Telemetry):
    """One registry per instance, so that two applications in one process do not share counters."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._labelled = cache(_labelled)
        self._requests = Counter(
            "repartee_requests_total", "HTTP requests", ["route", "method", "status"], registry=registry
        )
        self._request_seconds = Histogram(
            "repartee_request_seconds", "HTTP request time", ["route"], buckets=_SECONDS, registry=registry
        )
        self._in_flight = Gauge(
            "repartee_requests_in_flight",
            "HTTP requests in progress",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._replies = Counter(
            "repartee_replies_total", "Replies by retrieval status", ["retrieval"], registry=registry
        )
        self._arms = Histogram(
            "repartee_arm_seconds",
            "Answers of each arm's model",
            ["arm", "outcome"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._shadows = Counter(
            "repartee_shadow_total",
            "Replies of the shadow, by what became of them",
            ["outcome"],
            registry=registry,
        )
        self._facts = Counter("repartee_facts_used_total", "Facts put into prompts", registry=registry)
        self._tokens = Counter(
            "repartee_tokens_total", "Tokens, as upstream counts", ["kind"], registry=registry
        )
        self._upstream_seconds = Histogram(
            "repartee_upstream_seconds",
            "Calls to dependencies",
            ["dependency", "outcome"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._retries = Counter(
            "repartee_retries_total",
            "What was decided after an attempt failed that another one might have helped",
            ["dependency", "decision"],
            registry=registry,
        )
        self._circuit = Gauge(
            "repartee_circuit_state",
            "0 closed, 1 half-open, 2 open: the dependency is not called",
            ["dependency"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._circuit_opened = Counter(
            "repartee_circuit_opened_total", "Times a circuit opened", ["dependency"], registry=registry
        )
        self._shed = Counter(
            "repartee_shed_total", "Requests that were turned away unserved", ["reason"], registry=registry
        )
        self._queued = Gauge(
            "repartee_requests_queued",
            "HTTP requests that wait for a place",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._degraded = Counter(
            "repartee_degraded_total",
            "Things left out so that a reply could be given",
            ["what"],
            registry=registry,
        )

        self._extracted = Counter(
            "repartee_extracted_facts_total", "Facts that a model proposed", ["outcome"], registry=registry
        )
        self._digests = Counter("repartee_digests_total", "Summaries of dialogues", registry=registry)
        self._notices = Counter(
            "repartee_notices_total", "Notices that were due by the clock", ["kind"], registry=registry
        )
        self._self_harm = Counter(
            "repartee_self_harm_total",
            "Signs of self-harm in messages and replies, and what was done",
            ["found_in", "level", "action"],
            registry=registry,
        )

    def traced(self, app: ASGIApp) -> ASGIApp:
        """Return the application as it is: counters need nothing around it."""
        return app

    def reply(self, measurement: ReplyMeasurement) -> None:
        """Count one reply."""
        self._labelled(self._replies, measurement.retrieval_status).inc()
        self._facts.inc(measurement.facts_used)
        self._spent(measurement.usage)

    def upstream(self, dependency: str, outcome: str, seconds: float) -> None:
        """Count one call; `outcome` is `ok` or an error code."""
        self._labelled(self._upstream_seconds, dependency, outcome).observe(seconds)

    def retried(self, dependency: str, decision: RetryDecision) -> None:
        """Count a retry, a fallback, or why there was none."""
        self._labelled(self._retries, dependency, decision).inc()

    def circuit(self, dependency: str, state: CircuitState) -> None:
        """Show a circuit's state, and count each time it opens."""
        self._labelled(self._circuit, dependency).set(_CIRCUIT[state])
        if state == "open":
            self._labelled(self._circuit_opened, dependency).inc()

    def degraded(self, what: str) -> None:
        """Count something that was left out."""
        self._labelled(self._degraded, what).inc()

    def extraction(self, accepted: int, rejected: Sequence[str], usage: Usage) -> None:
        """Count one extraction of facts, by what became of each."""
        self._labelled(self._extracted, "accepted").inc(accepted)
        for reason in rejected:
            self._labelled(self._extracted, reason).inc()
        self._spent(usage)

    def digest(self, usage: Usage) -> None:
        """Count one summary."""
        self._digests.inc()
        self._spent(usage)

    def arm(self, name: str, outcome: str, seconds: float) -> None:
        """Count one answer; arms are those of the configuration, or `none`."""
        self._labelled(self._arms, name, outcome).observe(seconds)

    def shadow(self, outcome: str) -> None:
        """Count one reply of the shadow."""
        self._labelled(self._shadows, outcome).inc()

    def notice(self, kind: str) -> None:
        """Count a notice that was due by the clock."""
        self._labelled(self._notices, kind).inc()

    def self_harm(self, found_in: str, level: str, action: str) -> None:
        """Count what the detector found; nobody's id and no words."""
        self._labelled(self._self_harm, found_in, level, action).inc()

    def _spent(self, usage: Usage) -> None:
        self._labelled(self._tokens, "prompt").inc(usage.prompt_tokens)
        self._labelled(self._tokens, "completion").inc(usage.completion_tokens)

    def request_shed(self, reason: str) -> None:
        """Count a request that was turned away: `queue_full`, `queue_wait` or `rate_limit`."""
        self._labelled(self._shed, reason).inc()

    def requests_queued(self, count: int) -> None:
        """Show how many requests wait for a place."""
        self._queued.set(count)

    def request_started(self) -> None:
        """Count a request in."""
        self._in_flight.inc()

    def request_finished(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request out. `route` is the route's pattern, never a path with ids in it."""
        self._in_flight.dec()
        self._labelled(self._requests, route, method, str(status)).inc()
        self._labelled(self._request_seconds, route).observe(seconds)

    def exposition(self) -> bytes:
        """Return all of it in Prometheus' text format; of several workers, their sums."""
        if not (folder := os.environ.get(FOLDER_VARIABLE)):
            return generate_latest(self._registry)
        of_all = CollectorRegistry()
        MultiProcessCollector(of_all, folder)  # type: ignore[no-untyped-call]
        return generate_latest(of_all)
