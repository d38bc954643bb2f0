"""Claim: `kill -9` of a worker under load fails requests of its own connections only, and it is replaced.

    .venv/bin/python -m scripts.claims.killed_workers --kills 20 --seed 1

A worker that is drawn is killed while clients ask over connections that they keep; then another one, when all
serve again. A failure is: more broken requests than the killed worker had connections, an answer other than
200, another worker that is gone, or no replacement that serves within a minute. The negative control is
`--workers 1`: there the only process is killed, and all that follows breaks.
Prints one JSON line; exit status 1 where the claim is broken.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fleet import loaded
from tests.processes import Service, loopback_upstream, service
from tests.worker_processes import SEVERAL, connections_of, workers_of

_BACK_SECONDS: Final = 60.0
_ANSWERS_BETWEEN: Final = 60
_LOOK_SECONDS: Final = 0.05


@dataclass(slots=True)
class Tally:
    """What came of the kills."""

    kills: int = 0
    answers: int = 0
    broken: int = 0
    most_broken: int = 0
    failures: int = 0
    slowest_return: float = 0.0


async def killed(running: Service, statuses: list[int], chance: random.Random, tally: Tally) -> None:
    """Kill one worker, count what that broke, and wait until its replacement serves."""
    pid, port = running.process.pid, int(running.url.rpartition(":")[2])
    before = workers_of(pid) or [pid]
    victim = chance.choice(before)
    allowed, asked = connections_of(victim, port), len(statuses)
    os.kill(victim, signal.SIGKILL)
    started = time.perf_counter()
    tally.kills += 1
    await until(lambda: len(statuses) >= asked + _ANSWERS_BETWEEN, 30.0)
    seconds = _BACK_SECONDS if len(before) > 1 else 1.0
    is_back = await until(lambda: running.output().count('"a worker is back"') >= tally.kills, seconds)
    tally.slowest_return = max(tally.slowest_return, time.perf_counter() - started)
    seen = statuses[asked:]
    broken = len(seen) - seen.count(200)
    others_live = not is_back or set(before) - {victim} <= set(workers_of(pid))
    tally.broken += broken
    tally.most_broken = max(tally.most_broken, broken)
    tally.failures += not (is_back and others_live and broken <= allowed and set(seen) <= {0, 200})


async def until(holds: Callable[[], bool], seconds: float) -> bool:
    """Wait until it holds; return whether it does."""
    for _ in range(int(seconds / _LOOK_SECONDS)):
        if holds():
            return True
        await asyncio.sleep(_LOOK_SECONDS)
    return False


async def campaign(kills: int, workers: int, at_once: int, seed: int) -> Tally:
    """Kill so often, with the load going on throughout."""
    chance, tally = random.Random(seed), Tally()  # which worker, not a secret
    settings = SEVERAL | {"REPARTEE_API__WORKERS": str(workers)}
    with (
        tempfile.TemporaryDirectory() as folder,
        loopback_upstream(otherwise="after=0.02") as upstream,
        service(Path(folder) / "var", **settings, REPARTEE_LLM__BASE_URL=f"{upstream}/v1") as running,
    ):
        async with loaded(running.url, at_once, pause=0.002) as statuses:
            await until(lambda: statuses.count(200) >= _ANSWERS_BETWEEN, 30.0)
            for _ in range(kills):
                await killed(running, statuses, chance, tally)
            tally.answers = len(statuses)
    return tally


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    started = time.perf_counter()
    kills = options.kills if options.workers > 1 else 1
    tally = asyncio.run(campaign(kills, options.workers, options.at_once, options.seed))
    result = {
        "claim": "killed_workers",
        "n": tally.kills,
        "failures": tally.failures,
        "seed": options.seed,
        "seconds": round(time.perf_counter() - started, 1),
        "workers": options.workers,
        "answers": tally.answers,
        "broken": tally.broken,
        "most_broken": tally.most_broken,
        "slowest_return_seconds": round(tally.slowest_return, 2),
    }
    print(json.dumps(result))
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
