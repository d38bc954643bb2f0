"""Claim: two instances behind a balancer can be replaced under load without a failed request.

    .venv/bin/python -m scripts.claims.rolling_restart --requests 10000

Both instances are replaced, again and again, until so many requests were made. The negative control is
`--drain 0`: without a pause between "not ready" and the closed door requests are lost.
Prints one JSON line; exit status 1 where a request failed.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.fleet import fleet, loaded


async def rolled(requests: int, drain: str, at_once: int) -> tuple[Counter[int], int]:
    """Return how often each status came, and how often both instances were replaced."""
    rounds = 0
    with tempfile.TemporaryDirectory() as folder:
        async with fleet(Path(folder), drain) as made, loaded(made.url, at_once, pause=0.005) as statuses:
            while not rounds or len(statuses) < requests:
                await made.replace_all()
                rounds += 1
        return Counter(statuses), rounds


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--drain", default="0.6", help="REPARTEE_API__DRAIN_SECONDS of the instances.")
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0, help="Of no effect: nothing here is drawn.")
    options = parser.parse_args()
    started = time.perf_counter()
    statuses, rounds = asyncio.run(rolled(options.requests, options.drain, options.at_once))
    failures = sum(statuses.values()) - statuses[200]
    result = {
        "claim": "rolling_restart",
        "n": sum(statuses.values()),
        "failures": failures,
        "seed": options.seed,
        "seconds": round(time.perf_counter() - started, 1),
        "rounds": rounds,
        "drain_seconds": float(options.drain),
        "statuses": dict(statuses),
    }
    print(json.dumps(result))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
