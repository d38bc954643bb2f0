"""Claim: a service that has worked for long holds no more memory, descriptors and places than at the start.

    .venv/bin/python -m scripts.claims.soak --seconds 600 --seed 1

One real process answers a mixture that the seed draws: whole replies and streams through both doors, clients
that leave in the middle, faults of model and embedder, facts written, found, listed and erased, requests that
are wrong; the event log is on. Bounds, after a warm-up of a fifth of the time: the resident memory grows by
at most 8 % or 12 MB, whatever is more; afterwards the process has as many open files and sockets as before
the load, nothing in flight and nothing queued by `/metrics`, and as many requests at once as there are places
get a reply each. No answer is a 5xx other than 502, 503 and 504, and none at all once the faults have ended.
`--control` runs a service that leaks (scripts/claims/leaks): it must break those bounds.
Prints one JSON line; exit status 1 where a bound is broken.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Final

import aiohttp

from repartee.integrations.transport import KEEP_ALIVE_SECONDS
from scripts.claims.mixed_traffic import Traffic
from scripts.claims.process_holding import Holding, connected_to, holding
from tests.processes import Service, loopback_upstream, service

PLACES: Final = 24
CLIENTS: Final = 12
WELL_AGAIN: Final = 6
GROWTH_SHARE: Final = 0.08
GROWTH_BYTES: Final = 12_000_000
LEAKS: Final = Path(__file__).parent / "leaks"


@dataclass(frozen=True)
class Length:
    """Seconds of traffic, and of the wait for idle connections to upstreams to be closed."""

    seconds: float
    settle: float


@dataclass
class Found:
    """What was measured."""

    start: Holding
    end: Holding
    samples: list[int]
    traffic: Traffic
    in_flight: float
    queued: float
    at_once: Counter[int]
    settled: bool

    @property
    def growth(self) -> tuple[int, int]:
        """Bytes of resident memory after the warm-up, and what was added by the end: medians of tenths."""
        warm = self.samples[len(self.samples) // 5 :]
        tenth = max(1, len(warm) // 10)
        before = int(median(warm[:tenth]))
        return before, int(median(warm[-tenth:])) - before


def breaches(found: Found) -> list[str]:
    """Return the bounds that do not hold."""
    before, growth = found.growth
    told = [f"{what}, {count} times" for what, count in found.traffic.bad.items()]
    if growth > max(GROWTH_BYTES, GROWTH_SHARE * before):
        told.append(f"resident memory grew by {growth / 1e6:.1f} MB over {before / 1e6:.1f} MB")
    if found.end.files > found.start.files:
        told.append(f"{found.end.files} open files, {found.start.files} at the start")
    if found.settled and found.end.sockets > found.start.sockets:
        told.append(f"{found.end.sockets} sockets, {found.start.sockets} at the start")
    if found.in_flight or found.queued:
        told.append(f"{found.in_flight:g} in flight, {found.queued:g} queued, and nobody asks")
    if found.at_once != Counter({200: PLACES}):
        told.append(f"{PLACES} requests at once, one per place: {dict(found.at_once)}")
    return told


async def gauge(session: aiohttp.ClientSession, url: str, name: str) -> float:
    """Return the value of a metric."""
    async with session.get(f"{url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))


async def settled(pid: int, sockets: int, seconds: float) -> Holding:
    """Return what a process holds once its idle connections have gone, or when that takes too long."""
    end, held = time.perf_counter() + seconds, holding(pid)
    while time.perf_counter() < end and held.sockets > sockets:
        await asyncio.sleep(0.5)
        held = holding(pid)
    return held


async def at_once(traffic: Traffic) -> Counter[int]:
    """Return the answers to as many slow requests at once as there are places, once circuits are closed."""
    ready = Traffic(traffic.url, traffic.upstream, traffic.session, traffic.chance)
    well = 0
    for _ in range(200):  # a circuit that a late fault opened stays so for some seconds; faults may be left
        well = well + 1 if await ready.ask("POST", *ready.turn()) == 200 else 0
        if well == WELL_AGAIN:
            break
        await asyncio.sleep(0.0 if well else 0.2)
    before = Counter(ready.statuses)
    body = {"endpoint": "chat", "faults": ["after=0.4"] * PLACES}
    async with traffic.session.post(f"{traffic.upstream}/loopback/script", json=body) as answer:
        await answer.read()
    await asyncio.gather(*(ready.ask("POST", *ready.turn()) for _ in range(PLACES)))
    return ready.statuses - before


async def soaked(running: Service, upstream: str, length: Length, seed: int) -> Found:
    """Let the mixture run for so long, look every half second, then look at what is left.

    Sockets are compared with those before the first request that do not lead to the upstream, files with
    those after a few requests: some are opened with the first use.
    """
    pid, samples = running.process.pid, list[int]()
    sockets = holding(pid).sockets - connected_to(pid, int(upstream.rpartition(":")[2]))
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        traffic = Traffic(running.url, upstream, session, random.Random(seed))
        for _ in range(10):
            await asyncio.gather(traffic.whole(), traffic.stream(), traffic.facts())
        start = replace(holding(pid), sockets=sockets)
        until = time.perf_counter() + length.seconds
        clients = [asyncio.create_task(traffic.client(until)) for _ in range(CLIENTS)]
        while not all(client.done() for client in clients):
            samples.append(holding(pid).resident)
            await asyncio.sleep(0.5)
        await asyncio.gather(*clients)
        answers = await at_once(traffic)
    async with aiohttp.ClientSession() as session:
        await asyncio.sleep(0.5)
        in_flight = await gauge(session, running.url, "repartee_requests_in_flight") - 1  # this request
        queued = await gauge(session, running.url, "repartee_requests_queued")
    end = await settled(pid, start.sockets, length.settle)
    waited = length.settle > 2 * KEEP_ALIVE_SECONDS  # aiohttp looks once in that time
    return Found(start, end, samples, traffic, in_flight, queued, answers, waited)


def run(length: Length, seed: int, *, control: bool) -> dict[str, Any]:
    """Return the result of one campaign."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, loopback_upstream(1024) as upstream:
        settings = {
            "REPARTEE_LLM__BASE_URL": f"{upstream}/v1",
            "REPARTEE_LLM__API_KEY": "k",
            "REPARTEE_LLM__MODEL": "m",
            "REPARTEE_COHERE__API_KEY": "k",
            "REPARTEE_COHERE__BASE_URL": upstream,
            "REPARTEE_REPLY__DEADLINE_SECONDS": "1.5",
            "REPARTEE_API__MAX_IN_FLIGHT": str(PLACES),
            "REPARTEE_API__QUEUE": "0",
            "REPARTEE_EVENTS__ENABLED": "true",
            "REPARTEE_EVENTS__MAX_BYTES": "1000000",
            "REPARTEE_LOG__LEVEL": "error",
        }
        if control:
            settings["PYTHONPATH"] = os.pathsep.join([str(LEAKS), *filter(None, [os.getenv("PYTHONPATH")])])
        with service(Path(folder) / "var", **settings) as running:
            found = asyncio.run(soaked(running, upstream, length, seed))
            tracebacks = [line[:2_000] for line in running.output().splitlines() if '"exception"' in line]
    broken = breaches(found)
    before, growth = found.growth
    return {
        "claim": "soak",
        "n": found.traffic.kinds.total(),
        "failures": len(broken),
        "seed": seed,
        "seconds": round(time.perf_counter() - started, 1),
        "control": control,
        "breaches": broken,
        "answers": found.traffic.statuses.total(),
        "megabytes_after_warm_up": round(before / 1e6, 1),
        "megabytes_grown": round(growth / 1e6, 1),
        "megabytes": [
            round(sample / 1e6, 1) for sample in found.samples[:: max(1, len(found.samples) // 20)]
        ],
        "start": asdict(found.start),
        "end": asdict(found.end),
        "kinds": dict(found.traffic.kinds),
        "statuses": {str(status): count for status, count in sorted(found.traffic.statuses.items())},
        "tracebacks": tracebacks[:3],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0, help="How long the traffic goes on.")
    parser.add_argument(
        "--settle",
        type=float,
        default=90.0,
        help="Longest wait for idle connections; up to 60 s, twice their time, sockets are not judged.",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", action="store_true", help="A service that leaks: must fail.")
    options = parser.parse_args(arguments)
    result = run(Length(options.seconds, options.settle), options.seed, control=options.control)
    print(json.dumps(result))
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
