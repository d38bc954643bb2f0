"""Claim: `repartee-eval compare` ships what is better and seldom what is not, whatever the judge's faults.

    .venv/bin/python -m scripts.claims.simulated_judges --seeds 100

The real command asks a loopback server that judges with a known preference for B, position bias, length bias
and failure rate; each seed draws another judge's mind. Conditions: a true effect (has to ship in 80 % of the
runs), no effect (has to ship in at most 5 %), a worse B (never ships), and judges that are biased towards
position, towards the longer text (B is longer, and that is all: shown, not bounded, because a length bias
is a preference that no policy of win rates can tell from quality; the report flags it), or fail one call in
ten. Each with the fixed sample and with --stop-early.
Prints one JSON line; exit status 1 where a bound is broken.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from tests.loopback.judge import JudgeServer, Opinion, judge_server
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
OUTCOMES: Final = {0: "ship", 10: "hold", 20: "reject", 30: "inconclusive"}


def outcomes(
    server: JudgeServer, mind: Opinion, seeds: int, pairs: int, extra: tuple[str, ...]
) -> Counter[str]:
    """Return how often each decision was taken."""
    found: Counter[str] = Counter()
    for seed in range(seeds):
        folder = Path(tempfile.mkdtemp(prefix="simulated-judges-"))
        try:
            status = decided(folder, server, mind, seed, pairs, *extra)
        finally:
            shutil.rmtree(folder)
        found[OUTCOMES.get(status, f"status {status}")] += 1
    return found


def broken(name: str, found: Counter[str], seeds: int) -> bool:
    """Return whether the decisions break the bound of a condition.

    A false-ship rate of exactly 5 % shows more than 5 % in half of all campaigns, so three standard errors
    are allowed on top.
    """
    share = found["ship"] / seeds
    if name == "better":
        return share < LEAST_POWER
    return share > MOST_FALSE + 3 * (MOST_FALSE * (1 - MOST_FALSE) / seeds) ** 0.5


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=120, help="Pairs of dialogues of each comparison.")
    parser.add_argument(
        "--only", choices=list(CONDITIONS), action="append", help="This condition; repeatable."
    )
    options = parser.parse_args()
    started = time.monotonic()
    results: dict[str, Any] = {}
    failed = []
    with judge_server() as server:
        for name in options.only or CONDITIONS:
            mind = CONDITIONS[name]
            for way, extra in (("fixed", ()), ("stop early", ("--stop-early",))):
                found = outcomes(server, mind, options.seeds, options.pairs, extra)
                results[f"{name}, {way}"] = dict(found)
                if broken(name, found, options.seeds):
                    failed.append(f"{name}, {way}")
    line = {
        "claim": "simulated_judges",
        "seeds": options.seeds,
        "pairs": options.pairs,
        "outcomes": results,
        "broken": failed,
        "seconds": round(time.monotonic() - started, 1),
    }
    sys.stdout.write(json.dumps(line) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
