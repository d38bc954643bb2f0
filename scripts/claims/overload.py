"""Claim: at 2 and 10 times its capacity the service does nearly as much as at its capacity, and recovers.

    .venv/bin/python -m scripts.claims.overload --seconds 20

The model server works on so many requests at once, the others wait, and each takes so long: the capacity is
places / seconds, and the service has as many places. What it really does is measured before and after every
phase of overload, because other work on the machine changes it; in a phase of overload requests come at fixed
times, whether earlier ones were answered or not, and a client gives up after two seconds. Goodput is the
replies of status 200 per second, without the first second of a phase. Bounds: 95 % of the capacity around it
at 2 times, 90 % at 10 times; at half load, within five seconds after, a p99 of at most the idle one plus 250
ms. A phase whose load came late, by more than a tenth of its requests, counts as broken, as does a capacity
below 70 % of places / seconds: then the machine is full and not the service, and nothing was measured.
Upstream, service and load share the machine, so the defaults keep 10 times the capacity below what the load
generator can send from half a core. `--control` takes the limits off: then all wait at the model server until
their clients give up.
Prints one JSON line; exit status 1 where a bound is broken.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.processes import loopback_upstream, service

BODY = {"character": "blaze", "messages": [{"role": "user", "text": "hello"}]}
GIVE_UP_SECONDS: Final = 2.0
FACTORS: Final = (2, 10)
LEAST_SHARE: Final = {2: 0.95, 10: 0.90}
LEAST_OF_PLACES: Final = 0.7
RAMP_SECONDS: Final = 1.0
LATE_SECONDS: Final = 0.25
RECOVERY_SECONDS: Final = 5.0
RECOVERED_MS: Final = 250


@dataclass(frozen=True)
class Phase:
    """What came of one phase: how many of each status, the milliseconds of replies and refusals, the second
    of the phase at which each reply came, and how many requests were sent after its end."""

    seconds: float
    statuses: Counter[int] = field(default_factory=Counter)
    replied_ms: list[float] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)
    replied_at: list[float] = field(default_factory=list)
    begun: float = field(default_factory=time.perf_counter)
    late: list[float] = field(default_factory=list)

    @property
    def goodput(self) -> float:
        """Replies per second, from the first second to the end of the load."""
        steady = sum(RAMP_SECONDS <= at < self.seconds for at in self.replied_at)
        return steady / (self.seconds - RAMP_SECONDS)

    def summary(self) -> dict[str, Any]:
        """Return the phase in a few numbers."""
        return {
            "goodput": round(self.goodput, 1),
            "sent_late": len(self.late),
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
        now = time.perf_counter()
        spent = 1_000 * (now - started)
        phase.statuses[status] += 1
        if status == 200:
            phase.replied_ms.append(spent)
            phase.replied_at.append(now - phase.begun)
        elif status == 503:
            phase.refused_ms.append(spent)

    async def closed(self, clients: int, seconds: float, spread: float = 0.0) -> Phase:
        """Let so many clients ask one request after another; the first ones are spread over a time."""
        phase = Phase(seconds)

        async def client(number: int) -> None:
            await asyncio.sleep(spread * number / clients)
            while time.perf_counter() - phase.begun < seconds:
                await self.ask(phase)

        await asyncio.gather(*(client(number) for number in range(clients)))
        return phase

    async def open(self, rate: float, seconds: float) -> Phase:
        """Send `rate` requests a second, whatever becomes of them."""
        phase, tasks = Phase(seconds), []
        for number in range(int(rate * seconds)):
            ahead = phase.begun + number / rate - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
            elif ahead < -LATE_SECONDS:
                phase.late.append(-ahead)
            tasks.append(asyncio.create_task(self.ask(phase)))
        await asyncio.gather(*tasks)
        return phase


@dataclass(frozen=True)
class Overloaded:
    """A phase of overload between two of capacity."""

    factor: int
    before: Phase
    phase: Phase
    after: Phase

    @property
    def capacity(self) -> float:
        """Replies per second of a full service, around the overload."""
        return (self.before.goodput + self.after.goodput) / 2

    @property
    def share(self) -> float:
        """The goodput as a share of the capacity."""
        return self.phase.goodput / self.capacity if self.capacity else 0.0

    def summary(self) -> dict[str, Any]:
        """Return the phase in a few numbers."""
        told = {"share": round(self.share, 3), "capacity": round(self.capacity, 1)}
        return {"factor": self.factor, **told, **self.phase.summary()}


@dataclass(frozen=True)
class Found:
    """What was measured: idle, overloaded again and again, and at half load when all is over."""

    idle: Phase
    overloaded: tuple[Overloaded, ...]
    calm: Phase
    by_places: float
    """Replies per second that the places allow; far fewer say that the machine is full, not the service."""

    def share(self, factor: int) -> float:
        """Return the goodput of all phases of a factor as a share of the capacity around them."""
        these = [one for one in self.overloaded if one.factor == factor]
        capacity = sum(one.capacity for one in these)
        return sum(one.phase.goodput for one in these) / capacity if capacity else 0.0

    @property
    def requests(self) -> int:
        """How many were made in phases that count."""
        phases = [self.idle, self.calm, *(one.phase for one in self.overloaded)]
        return sum(phase.statuses.total() for phase in phases)


async def measured(seconds: float, rounds: int, places: int, model_seconds: float, *, control: bool) -> Found:
    """Return what the phases found; those of capacity stand before and after each one of overload."""
    limits = {
        "REPARTEE_API__MAX_IN_FLIGHT": "100000" if control else str(places),
        "REPARTEE_API__QUEUE": str(places // 4),
        "REPARTEE_LOG__LEVEL": "warning",
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        loopback_upstream(otherwise=f"slots={places},{model_seconds}") as upstream,
        service(Path(folder) / "var", REPARTEE_LLM__BASE_URL=f"{upstream}/v1", **limits) as running,
    ):
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            load = Load(running.url + "/generate", session)
            await load.closed(8, 1.0)
            idle = await load.closed(4, 2.0)
            before, found = await load.closed(places, seconds, model_seconds), []
            for factor in FACTORS * rounds:
                phase = await load.open(factor * before.goodput, seconds)
                if factor == FACTORS[-1]:
                    calm = await load.open(0.5 * before.goodput, RECOVERY_SECONDS)
                after = await load.closed(places, seconds, model_seconds)
                found.append(Overloaded(factor, before, phase, after))
                before = after
            return Found(idle, tuple(found), calm, places / model_seconds)


def breaches(found: Found) -> list[str]:
    """Return the bounds that do not hold."""
    told = [
        f"x{factor}: goodput is {found.share(factor):.0%} of capacity"
        for factor in FACTORS
        if found.share(factor) < LEAST_SHARE[factor]
    ]
    told += [
        f"x{one.factor}: not measured: {len(one.phase.late)} requests were sent late"
        for one in found.overloaded
        if len(one.phase.late) > one.phase.statuses.total() / 10
    ]
    slowest = min(one.capacity for one in found.overloaded)
    if slowest < LEAST_OF_PLACES * found.by_places:
        told.append(
            f"not measured: the machine reaches {slowest:.0f} of {found.by_places:.0f} replies per second"
        )
    replied, idle = found.calm.replied_ms, _quantile(found.idle.replied_ms, 0.99)
    if not replied or idle is None:
        return [*told, "after: no replies"]
    over = (_quantile(replied[-max(1, len(replied) // 5) :], 0.99) or 0.0) - idle
    return [*told, f"after: p99 is {over:.0f} ms over the idle one"] if over > RECOVERED_MS else told


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="Of each phase; at least 3.")
    parser.add_argument("--rounds", type=int, default=2, help="How often both overloads are measured.")
    parser.add_argument("--places", type=int, default=16, help="REPARTEE_API__MAX_IN_FLIGHT.")
    parser.add_argument("--model-seconds", type=float, default=0.4)
    parser.add_argument("--control", action="store_true", help="Take the limits off.")
    parser.add_argument("--seed", type=int, default=0, help="Of no effect: nothing here is drawn.")
    options = parser.parse_args()
    started = time.perf_counter()
    lengths = (options.seconds, options.rounds, options.places, options.model_seconds)
    found = asyncio.run(measured(*lengths, control=options.control))
    broken = breaches(found)
    result = {
        "claim": "overload",
        "n": found.requests,
        "failures": len(broken),
        "seed": options.seed,
        "seconds": round(time.perf_counter() - started, 1),
        "breaches": broken,
        "control": options.control,
        "shares": {f"x{factor}": round(found.share(factor), 3) for factor in FACTORS},
        "idle": found.idle.summary(),
        "overloaded": [one.summary() for one in found.overloaded],
        "after": found.calm.summary(),
    }
    print(json.dumps(result))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
