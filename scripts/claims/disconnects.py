"""Claim: a client that leaves closes the call to the model within 500 ms, streamed or not.

    .venv/bin/python -m scripts.claims.disconnects --cases 100 --seed 1

Every second reply is streamed; half of those clients leave in the middle of it, the others before the model
said anything. Prints one JSON line; exit status 1 where a call stayed open for longer, or a request in
flight.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.loopback import faults
from tests.resilience import Bench, bench, say

BOUND: float = 0.5


async def seconds_to_close(running: Bench, *, stream: bool, midway: bool, stay: float) -> float:
    """Ask, leave after `stay` seconds at the model, and return how long the call to it stayed open."""
    chats = running.upstream.hits("chat")
    running.upstream.script("chat", faults.stream_then(3, faults.hang) if midway else faults.hang)
    asking = asyncio.create_task(running.post(say(**({"stream": True} if stream else {}))))
    while running.upstream.hits("chat") == chats:  # noqa: ASYNC110  # the upstream has no event for this
        await asyncio.sleep(0.002)
    await asyncio.sleep(stay)
    call = await running.upstream.request("chat")
    left = asyncio.get_running_loop().time()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    return await call.seconds_to_disconnect(left, timeout=5.0)


async def left(cases: int, seed: int) -> tuple[list[float], bool]:
    """Return the seconds of each case, and whether the service thinks that all requests have ended."""
    chance, seconds = random.Random(seed), []
    with tempfile.TemporaryDirectory() as folder:
        async with bench(Path(folder), reply={"deadline_seconds": 60.0}) as running:
            for number in range(cases):
                stream = bool(number % 2)
                midway = stream and chance.random() < 0.5
                seconds.append(
                    await seconds_to_close(
                        running, stream=stream, midway=midway, stay=chance.uniform(0.0, 0.05)
                    )
                )
            await asyncio.sleep(0.1)
            idle = "repartee_requests_in_flight 1.0" in await running.get("/metrics")  # this request itself
    return seconds, idle


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = time.perf_counter()
    seconds, idle = asyncio.run(left(options.cases, options.seed))
    failures = sum(one > BOUND for one in seconds) + (not idle)
    result = {
        "claim": "disconnects",
        "n": options.cases,
        "failures": failures,
        "seed": options.seed,
        "seconds": round(time.perf_counter() - started, 1),
        "slowest_ms": round(max(seconds) * 1_000, 1),
        "nothing_in_flight_after": idle,
    }
    print(json.dumps(result))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
