"""Claim: at 2 and 10 times its capacity the service does nearly as much as at its capacity, and recovers.

    .venv/bin/python -m scripts.claims.overload --seconds 20

The service has so many places and the model takes so long that its capacity is places / seconds; what it
really does is measured first. Then requests come at fixed times, whether earlier ones were answered or not.
Goodput is the replies of status 200 per second. Bounds: 95 % of capacity at 2 times, 90 % at 10 times; at
half load, within five seconds after, a p99 of at most the idle one plus 250 ms. Upstream, service and load
share the machine, so the defaults keep 10 times the capacity below what the load generator can send from
half a core. `--control` takes the limits off: then nothing is turned away, and clients give up instead
where the machine is too slow.
Prints one JSON line; exit status 1 where a bound is broken.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.processes import loopback_upstream, service

BODY = {"character": "blaze", "messages": [{"role": "user", "text": "hello"}]}
GIVE_UP_SECONDS = 2.0


@dataclass(frozen=True)
class Phase:
    """What came of one phase: how many of each status, and the milliseconds of replies and refusals."""

    seconds: float
    statuses: Counter[int]
    replied_ms: list[float]
    refused_ms: list[float]

    @property
    def goodput(self) -> float:
        """Replies per second."""
        return self.statuses[200] / self.seconds

    def summary(self) -> dict[str, Any]:
        """Return the phase in a few numbers."""
        return {
            "goodput": round(self.goodput, 1),
            "statuses": dict(self.statuses),
            "replied_p50_ms": _quantile(self.replied_ms, 0.5),
            "replied_p99_ms": _quantile(self.replied_ms, 0.99),
            "refused_p99_ms": _quantile(self.refused_ms, 0.99),
        }


def _quantile(values: list[float], share: float) -> float | None:
    return round(sorted(values)[int(share * (len(values) - 1))], 1) if values else None


class Load:
    """Clients of one service. A client gives up after two seconds, with the status 0."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def ask(self, phase: Phase) -> None:
        """Make one request."""
        started, status = time.perf_counter(), 0
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS), self._session.post(self._url, json=BODY) as response:
                await response.read()
                status = response.status
        except (TimeoutError, aiohttp.ClientError):
            status = 0
        spent = 1_000 * (time.perf_counter() - started)
        phase.statuses[status] += 1
        if status == 200:
            phase.replied_ms.append(spent)
        elif status == 503:
            phase.refused_ms.append(spent)

    async def closed(self, clients: int, seconds: float) -> Phase:
        """Let so many clients ask one request after another."""
        phase = Phase(seconds, Counter(), [], [])
        end = time.perf_counter() + seconds

        async def client() -> None:
            while time.perf_counter() < end:
                await self.ask(phase)

        await asyncio.gather(*(client() for _ in range(clients)))
        return phase

    async def open(self, rate: float, seconds: float) -> Phase:
        """Send `rate` requests a second, whatever becomes of them."""
        phase = Phase(seconds, Counter(), [], [])
        started, tasks = time.perf_counter(), []
        for number in range(int(rate * seconds)):
            ahead = started + number / rate - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
            tasks.append(asyncio.create_task(self.ask(phase)))
        await asyncio.gather(*tasks)
        return phase


async def measured(seconds: float, places: int, model_seconds: float, *, control: bool) -> dict[str, Phase]:
    """Return the phases: `capacity`, `x2`, `x10`, and `after`."""
    limits = {
        "REPARTEE_API__MAX_IN_FLIGHT": "100000" if control else str(places),
        "REPARTEE_API__QUEUE": str(places // 4),
        "REPARTEE_LOG__LEVEL": "warning",
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        loopback_upstream(otherwise=f"after={model_seconds}") as upstream,
        service(Path(folder) / "var", REPARTEE_LLM__BASE_URL=f"{upstream}/v1", **limits) as running,
    ):
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            load = Load(running.url + "/generate", session)
            await load.closed(8, 1.0)
            phases = {"idle": await load.closed(4, 2.0), "capacity": await load.closed(places, seconds)}
            for factor in (2, 10):
                rate = factor * phases["capacity"].goodput
                phases[f"x{factor}"] = await load.open(rate, seconds)
            phases["after"] = await load.open(0.5 * phases["capacity"].goodput, 5.0)
            return phases


def breaches(phases: dict[str, Phase]) -> list[str]:
    """Return the bounds that do not hold."""
    capacity = phases["capacity"].goodput
    shares = {name: phases[name].goodput / capacity for name in ("x2", "x10") if name in phases}
    found = [
        f"{name}: goodput is {share:.0%} of capacity"
        for name, share in shares.items()
        if share < {"x2": 0.95, "x10": 0.90}[name]
    ]
    after, idle = phases["after"], _quantile(phases["idle"].replied_ms, 0.99)
    late = (_quantile(after.replied_ms[-len(after.replied_ms) // 5 :], 0.99) or 1e9) - (idle or 0.0)
    if late > 250:
        found.append(f"after: p99 is {late:.0f} ms over the idle one")
    return found


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="Of each phase.")
    parser.add_argument("--places", type=int, default=16, help="REPARTEE_API__MAX_IN_FLIGHT.")
    parser.add_argument("--model-seconds", type=float, default=0.4)
    parser.add_argument("--control", action="store_true", help="Take the limits off.")
    parser.add_argument("--seed", type=int, default=0, help="Of no effect: nothing here is drawn.")
    options = parser.parse_args()
    started = time.perf_counter()
    phases = asyncio.run(
        measured(options.seconds, options.places, options.model_seconds, control=options.control)
    )
    found = breaches(phases)
    result = {
        "claim": "overload",
        "n": sum(sum(phase.statuses.values()) for phase in phases.values()),
        "failures": len(found),
        "seed": options.seed,
        "seconds": round(time.perf_counter() - started, 1),
        "breaches": found,
        "control": options.control,
        "phases": {name: phase.summary() for name, phase in phases.items()},
    }
    print(json.dumps(result))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
