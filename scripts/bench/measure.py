"""Interleaved runs: every server in turn, and all of them again, so that a busy machine hits each alike."""

import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import uvloop

from scripts.bench import payloads
from scripts.bench.load import Answers, asked
from scripts.bench.processes import Loopback, Process
from scripts.bench.servers import EMBEDDED, LEAN, NAMES, REMOTE
from scripts.bench.wire import request

STREAMS: Final = (("(a) byte pass-through", LEAN, "/relay"), ("repartee", REMOTE, "/generate"))
SEEN_BEFORE: Final = "repartee, embedded, question seen before"
Cell = tuple[str, int, int]
"""Server, milliseconds of the model, concurrency."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long is measured: seconds per run, times that all runs are made, concurrencies, delays."""

    seconds: float
    rounds: int
    concurrencies: Sequence[int]
    delays: Sequence[int]
    streams: int


FULL: Final = Effort(1.0, 3, (1, 32, 128), (0, 50), 32)
QUICK: Final = Effort(0.15, 1, (4,), (0, 50), 4)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def one_run(process: Process, wanted: bytes, clients: int, seconds: float, least: int = 0) -> dict[str, Any]:
    """Return the figures of one run. Raises RuntimeError for an answer other than 200."""
    before = process.cpu_seconds()
    started = time.perf_counter()
    answers = uvloop.run(asked(process.port, wanted, clients, seconds, max(least, 2 * clients)))
    seconds = time.perf_counter() - started
    cpu = process.cpu_seconds() - before
    if answers.failed:
        raise RuntimeError(f"{process.name}: {answers.failed} answers failed: {answers.last[:300]!r}")
    return _figures(answers, cpu, seconds) | {"rss_mb": process.resident_mb()}


def _figures(answers: Answers, cpu: float, seconds: float) -> dict[str, Any]:
    count = len(answers.seconds)
    figures = {
        "requests": count,
        "cpu_us": cpu / count * 1e6,
        "per_second": count / seconds,
        "p50_ms": percentile(answers.seconds, 0.5) * 1e3,
        "p99_ms": percentile(answers.seconds, 0.99) * 1e3,
    }
    if answers.first_text:
        figures["first_text_ms"] = percentile(answers.first_text, 0.5) * 1e3
    return figures


def medians(runs: Mapping[Any, list[dict[str, Any]]]) -> dict[Any, dict[str, float]]:
    """Return the median of each figure over the rounds."""
    return {
        name: {figure: round(statistics.median(run[figure] for run in some), 3) for figure in some[0]}
        for name, some in runs.items()
    }


def requests_measured(
    servers: Mapping[str, Process], upstream: Loopback, effort: Effort
) -> dict[Cell, dict[str, float]]:
    """Return the figures of whole replies, and `direct`: the model's own answer without a server between."""
    fresh = request("/generate", payloads.turn())
    runs: dict[Cell, list[dict[str, Any]]] = defaultdict(list)
    _warmed(servers, fresh)
    for _ in range(effort.rounds):
        for delay in effort.delays:
            upstream.model_takes(delay)
            for clients in effort.concurrencies:
                for name in NAMES:
                    run = one_run(servers[name], fresh, clients, effort.seconds)
                    runs[name, delay, clients].append(run)
                if not delay:
                    run = one_run(servers[EMBEDDED], _same_question(), clients, effort.seconds)
                    runs[SEEN_BEFORE, delay, clients].append(run)
                runs["direct", delay, clients].append(_direct(upstream, clients, effort.seconds))
    upstream.model_takes(0)
    return medians(runs)


def _same_question() -> bytes:
    """Return the request with its last message fixed; its number moves to a header, which nobody reads."""
    body = request("/generate", payloads.turn().replace(payloads.MARK, b"7000000000"))
    return body.replace(b"\r\nhost:", b"\r\nx-number: " + payloads.MARK + b"\r\nhost:", 1)


def _direct(upstream: Loopback, clients: int, seconds: float) -> dict[str, Any]:
    body = b'{"model":"bench","messages":[{"role":"user","content":"' + payloads.MARK + b'"}]}'
    wanted = request("/v1/chat/completions", body)
    started = time.perf_counter()
    answers = uvloop.run(asked(upstream.port, wanted, clients, seconds / 2, 2 * clients))
    return _figures(answers, 0.0, time.perf_counter() - started)


def _warmed(servers: Mapping[str, Process], wanted: bytes) -> None:
    for process in servers.values():
        one_run(process, wanted, 8, 0.1, 100)


def calls_per_request(servers: Mapping[str, Process], upstream: Loopback) -> dict[str, float]:
    """Return how many calls each server makes upstream for one request."""
    wanted = request("/generate", payloads.turn())
    made = {}
    for name in NAMES:
        before = _calls(upstream)
        run = one_run(servers[name], wanted, 4, 0.0, 40)
        made[name] = round((_calls(upstream) - before) / run["requests"], 2)
    return made


def _calls(upstream: Loopback) -> int:
    return sum(count for path, count in upstream.hits().items() if path != "/hits")


def streams_measured(
    servers: Mapping[str, Process], upstream: Loopback, effort: Effort
) -> dict[str, dict[str, float]]:
    """Return the figures of streams without retrieval: CPU per 1,000 chunks, ms to the first text."""
    body = payloads.turn(stream=True, user=None)
    direct = request("/v1/chat/completions", b'{"stream":true,"x":"' + payloads.MARK + b'"}')
    runs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for _ in range(effort.rounds):
        for name, server, path in STREAMS:
            run = one_run(servers[server], request(path, body), effort.streams, 0.0)
            run["cpu_ms_per_1000_chunks"] = run["cpu_us"] / payloads.STREAM_CHUNKS
            runs[name].append(run)
        started = time.perf_counter()
        answers = uvloop.run(asked(upstream.port, direct, effort.streams, 0.0, 2 * effort.streams))
        runs["direct"].append(_figures(answers, 0.0, time.perf_counter() - started))
    return medians(runs)
