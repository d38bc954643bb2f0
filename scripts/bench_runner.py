"""Measure the runner against a real HTTP endpoint of fixed latency: how busy it keeps it, at what CPU.

    python scripts/bench_runner.py --calls 5000 --concurrency 256 --latency 0.2 [--limit 100]

Prints one line of JSON. `busy` is the throughput over the ideal, concurrency / latency (`--limit`: the
endpoint answers 429 above so many at once, and the ideal is limit / latency). `client_cpu_ms` is the CPU of
the whole client process per answer: runner, HTTP client, store. `busy_bare_client` is what the same HTTP
client reaches here without runner and store: what the machine allows.
"""

import argparse
import asyncio
import hashlib
import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import uvloop

from repartee_eval.runs.chat_endpoint import ChatEndpoint, ChatRequest
from repartee_eval.runs.folder import open_run
from repartee_eval.runs.job import Answer
from repartee_eval.runs.limits import Concurrency
from repartee_eval.runs.manifest import Manifest
from repartee_eval.runs.runner import Runner

_BODY = json.dumps(
    {
        "model": "fixed",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {
                    "role": "assistant",
                    "content": '{"reason": "' + "because " * 60 + '", "verdict": "1"}',
                },
            }
        ],
        "usage": {"prompt_tokens": 900, "completion_tokens": 70},
    }
).encode()
_WELL = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(_BODY),
    _BODY,
)
_TOO_MANY = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n"


class FixedLatency(asyncio.Protocol):
    """Answers each request after the same time; above the limit with 429 at once."""

    in_flight = 0

    def __init__(self, latency: float, limit: int | None) -> None:
        self._latency = latency
        self._limit = limit
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer once a request is whole."""
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]):
            return
        self._data = b""
        if self._limit is not None and FixedLatency.in_flight >= self._limit:
            self._transport.write(_TOO_MANY)
            return
        FixedLatency.in_flight += 1
        asyncio.get_running_loop().call_later(self._latency, self._answer)

    def _answer(self) -> None:
        FixedLatency.in_flight -= 1
        self._transport.write(_WELL)


def serve(latency: float, limit: int | None, port: Connection) -> None:
    """Serve until killed."""

    async def forever() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: FixedLatency(latency, limit), "127.0.0.1", 0, backlog=1024)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(forever())


@dataclass(frozen=True, slots=True)
class Verdict:
    """A call about one numbered item; a prompt of some four thousand characters."""

    number: int
    to: ChatEndpoint
    request: ChatRequest
    key: str
    worst_cost: float | None = None

    @property
    def endpoint(self) -> str:
        """The endpoint's name."""
        return self.to.name

    async def send(self) -> Answer:
        """Make one attempt."""
        return await self.to.complete(self.request)


def verdicts(count: int, to: ChatEndpoint) -> Iterator[Verdict]:
    """Yield jobs that differ."""
    for number in range(count):
        text = f"{number} " + "Which of the two replies is more in character? " * 85
        request = ChatRequest.of(
            {"model": "fixed", "max_tokens": 300, "messages": [{"role": "user", "content": text}]}
        )
        yield Verdict(number, to, request, hashlib.sha256(request.body).hexdigest())


async def bare(options: argparse.Namespace, url: str) -> float:
    """Return the answers per second of the HTTP client alone: workers in a loop, nothing limited or kept."""
    async with ChatEndpoint(url, "fixed") as endpoint:
        jobs = verdicts(options.calls, endpoint)

        async def worker() -> None:
            for job in jobs:
                await job.send()

        started = time.monotonic()
        await asyncio.gather(*(worker() for _ in range(options.concurrency)))
        return float(options.calls / (time.monotonic() - started))


async def measured(options: argparse.Namespace, url: str, folder: Path) -> dict[str, float | int | None]:
    """Run once and return what was measured."""
    concurrency = Concurrency(options.start or options.concurrency, options.concurrency)
    with open_run(folder, Manifest(command="bench")) as run:
        async with ChatEndpoint(url, "fixed") as endpoint:
            cpu, started = time.process_time(), time.monotonic()
            runner = Runner(run.store, concurrency=concurrency)
            summary = await runner.run(verdicts(options.calls, endpoint))
            cpu, seconds = time.process_time() - cpu, time.monotonic() - started
    alone = None if options.limit else await bare(options, url)
    at_once = min(options.concurrency, options.limit or options.concurrency)
    rate = summary.answered / seconds
    return {
        "calls": options.calls,
        "concurrency": options.concurrency,
        "latency_s": options.latency,
        "server_limit": options.limit,
        "answered": summary.answered,
        "failed": sum(summary.failed.values()),
        "attempts": summary.calls,
        "seconds": round(seconds, 3),
        "per_second": round(rate, 1),
        "ideal_per_second": round(at_once / options.latency, 1),
        "busy": round(rate * options.latency / at_once, 4),
        "busy_bare_client": alone and round(alone * options.latency / at_once, 4),
        "client_cpu_ms": round(cpu / summary.answered * 1000, 3),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--start", type=int, help="Concurrency at first. Default: all of it.")
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(options.latency, options.limit, there), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{here.recv()}/v1"
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measured(options, url, Path(folder)))))
    server.terminate()


if __name__ == "__main__":
    main()
