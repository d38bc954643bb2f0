"""Claim: `repartee-eval compare` ships what is better and seldom what is not, whatever the judge's faults.

    .venv/bin/python -m scripts.claims.simulated_judges --seeds 100

The real command asks a loopback server that judges with a known preference for B, position bias, length bias
and failure rate; each seed draws another judge's mind. Conditions: a true effect (has to ship in 80 % of the
runs), no effect (has to ship in at most 5 %), a worse B (never more than that either), and judges without a
preference who are biased towards position, towards the longer text (B is longer, and that is all), tie in
half of their answers, or fail one call in twenty. Each with the fixed sample and with --stop-early.
`--processes` shares the comparisons among so many processes.
Prints one JSON line; exit status 1 where a bound is broken.
"""

import argparse
import json
import math
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.loopback.judge import Opinion, judge_server
from tests.unit.repartee_eval.simulated import decided

CONDITIONS: Final = {
    "better": Opinion(prefers_b=0.75),
    "null": Opinion(),
    "null, ties": Opinion(ties=0.5),
    "null, position": Opinion(position=0.7),
    "null, failures": Opinion(fails=0.05),
    "null, length": Opinion(longer=0.6),
    "worse": Opinion(prefers_b=0.35),
}
LEAST_POWER: Final = 0.8
MOST_FALSE: Final = 0.05
WAYS: Final[dict[str, tuple[str, ...]]] = {"fixed": (), "stop early": ("--stop-early",)}
SHARE: Final = 10
OUTCOMES: Final = {0: "ship", 10: "hold", 20: "reject", 30: "inconclusive"}


@dataclass(frozen=True)
class Share:
    """Some of the comparisons of one condition."""

    name: str
    way: str
    seeds: range
    pairs: int


def outcomes(share: Share) -> Counter[str]:
    """Return how often each decision was taken."""
    found: Counter[str] = Counter()
    with judge_server() as server:
        for seed in share.seeds:
            folder = Path(tempfile.mkdtemp(prefix="simulated-judges-"))
            try:
                mind = CONDITIONS[share.name]
                status = decided(folder, server, mind, seed, share.pairs, *WAYS[share.way])
            finally:
                shutil.rmtree(folder)
            found[OUTCOMES.get(status, f"status {status}")] += 1
    return found


def compared(names: Sequence[str], seeds: range, pairs: int, processes: int) -> dict[str, Counter[str]]:
    """Return the decisions of each condition and way."""
    shares = [
        Share(name, way, seeds[first : first + SHARE], pairs)
        for name in names
        for way in WAYS
        for first in range(0, len(seeds), SHARE)
    ]
    results: dict[str, Counter[str]] = {}
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        for share, found in zip(shares, pool.map(outcomes, shares), strict=True):
            results.setdefault(f"{share.name}, {share.way}", Counter()).update(found)
    return results


def broken(name: str, found: Counter[str], seeds: int) -> bool:
    """Return whether the decisions break the bound of a condition.

    A false-ship rate of exactly 5 % shows more than 5 % in half of all campaigns, so three standard errors
    are allowed on top.
    """
    share = found["ship"] / seeds
    if name == "better":
        return share < LEAST_POWER
    return share > MOST_FALSE + 3 * math.sqrt(MOST_FALSE * (1 - MOST_FALSE) / seeds)


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=80, help="Pairs of dialogues of each comparison.")
    parser.add_argument(
        "--only", choices=list(CONDITIONS), action="append", help="This condition; repeatable."
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=1, help="Another draw of the judges' minds.")
    options = parser.parse_args()
    started = time.monotonic()
    seeds = range((options.seed - 1) * options.seeds, options.seed * options.seeds)
    results = compared(options.only or list(CONDITIONS), seeds, options.pairs, options.processes)
    failed = [
        name for name, found in results.items() if broken(name.partition(", ")[0], found, options.seeds)
    ]
    line = {
        "claim": "simulated_judges",
        "n": sum(found.total() for found in results.values()),
        "failures": len(failed),
        "seed": options.seed,
        "seconds": round(time.monotonic() - started, 1),
        "seeds": options.seeds,
        "pairs": options.pairs,
        "outcomes": {name: dict(found) for name, found in results.items()},
        "broken": failed,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
