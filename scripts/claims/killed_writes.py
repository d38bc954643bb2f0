"""Claim: kill -9 at any moment loses no acknowledged write of the embedded store and leaves it readable.

    .venv/bin/python -m scripts.claims.killed_writes --rounds 1000 --seed 1

Each round starts a process that stores and deletes facts of two users, saying before each call what it is
about to do and after it what it did; it is killed with SIGKILL at a random moment. Afterwards the store holds
exactly what was acknowledged, give or take the one call that was on its way, and every text whole. Twenty
rounds use one folder. `--control` says that a write is done 20 ms before it is made: it must fail.
Prints one JSON line; exit status 1 where a round breaks the claim.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from repartee.application.ports import EmbeddedFact, EmbedderProfile
from repartee.domain.fact import Fact, TenantScope, fact_id, fact_key
from repartee.infrastructure.telemetry import PrometheusTelemetry
from repartee.integrations.qdrant_edge_fact_store import QdrantEdgeFactStore

PROFILE: Final = EmbedderProfile("kills-16", "random", "1", 16, 0.0)
USERS: Final = ("ann", "ann.")
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
LONGEST_SECONDS: Final = 0.25
PAGE: Final = 1_000
ROUND: Final = 1_000_000
EARLY_SECONDS: Final = 0.02
IN_ONE_FOLDER: Final = 20
One = tuple[str, int]


def made_fact(user: str, number: int) -> EmbeddedFact:
    """Return a fact with a vector of its own; the text says twice which it is, far apart."""
    text = f"fact {number} {'of a length that takes some writing ' * 8}{number}"
    chance = random.Random(number)
    id_ = fact_id(TenantScope(user), fact_key("user", "", text))
    vector = [chance.gauss() for _ in range(PROFILE.dimension)]
    return EmbeddedFact(Fact(id=id_, text=text, created_at=NOW), vector)


async def opened(folder: Path) -> QdrantEdgeFactStore:
    """Open the store."""
    store = QdrantEdgeFactStore(folder, PROFILE, PrometheusTelemetry())
    await store.ensure()
    return store


async def write(folder: Path, first: int, *, early: bool) -> None:
    """Write until killed; `early` says that a call is done some time before it is made."""
    store, chance = await opened(folder), random.Random(first)
    print("ready", flush=True)
    kept: list[tuple[str, int]] = []
    for fresh in range(first, first + ROUND):
        delete = bool(kept) and chance.random() < 0.25
        user, number = kept.pop(chance.randrange(len(kept))) if delete else (chance.choice(USERS), fresh)
        word = "delete" if delete else "put"
        print(f"will {word} {user} {number}", flush=True)
        if early:
            print(f"did {word} {user} {number}", flush=True)
            await asyncio.sleep(EARLY_SECONDS)
        row = made_fact(user, number)
        if delete:
            await store.delete(TenantScope(user), [row.fact.id])
        else:
            await store.upsert(TenantScope(user), [row])
            kept.append((user, number))
        if not early:
            print(f"did {word} {user} {number}", flush=True)


@dataclass
class Ledger:
    """What was acknowledged, and the call that was on its way when the writer was killed."""

    there: set[One] = field(default_factory=set)
    on_its_way: tuple[str, One] | None = None
    calls: int = 0

    def read(self, lines: Sequence[str]) -> None:
        """Take what a killed process said; a last line that was cut off says nothing."""
        self.on_its_way = None
        for line in lines:
            if not line.endswith("\n"):
                break
            when, word, user, number = line.split()
            one = (user, int(number))
            if when == "will":
                self.on_its_way = (word, one)
                continue
            self.on_its_way, self.calls = None, self.calls + 1
            (self.there.add if word == "put" else self.there.discard)(one)

    def problems(self, found: set[One]) -> list[str]:
        """Compare a store with what was acknowledged, and go on from what it holds."""
        word, one = self.on_its_way or ("", None)
        lost = self.there - found - ({one} if word == "delete" else set())
        more = found - self.there - ({one} if word == "put" else set())
        self.there = set(found)
        said = ((lost, "acknowledged writes lost"), (more, "facts that should not be there"))
        return [f"{len(some)} {what}" for some, what in said if some]


async def stored(folder: Path) -> set[One]:
    """Return what the store holds. Raises ValueError for a text that is not whole."""
    store, found = await opened(folder), set[One]()
    for user in USERS:
        after, more = None, True
        while more:
            page = await store.page(TenantScope(user), after, PAGE)
            for fact in page.facts:
                number = int(fact.text.split()[1])
                if fact.text != made_fact(user, number).fact.text:
                    raise ValueError(f"the text of {number} is torn")
                found.add((user, number))
            after, more = page.next, page.next is not None
    await store.close()
    return found


def killed(folder: Path, first: int, chance: random.Random, ledger: Ledger, *, early: bool) -> None:
    """Start a writer, kill it at a random moment, and read what it said."""
    command = [sys.executable, "-m", "scripts.claims.killed_writes", "--work", str(folder)]
    command += ["--first", str(first)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command += ["--early"] if early else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as writer:
        if writer.stdout is None:
            raise RuntimeError("the writer has no output")
        writer.stdout.readline()
        time.sleep(chance.uniform(0.0, LONGEST_SECONDS))
        writer.kill()
        ledger.read(writer.stdout.read().splitlines(keepends=True))


def run(rounds: int, seed: int, *, control: bool) -> dict[str, Any]:
    """Return the result of one campaign."""
    started, chance, wrong, calls = time.perf_counter(), random.Random(seed), list[str](), 0
    for first in range(0, rounds, IN_ONE_FOLDER):
        ledger = Ledger()
        with tempfile.TemporaryDirectory() as name:
            for number in range(first, min(first + IN_ONE_FOLDER, rounds)):
                killed(Path(name), (seed * rounds + number) * ROUND, chance, ledger, early=control)
                wrong += ledger.problems(asyncio.run(stored(Path(name))))
        calls += ledger.calls
    return {
        "claim": "killed_writes",
        "n": rounds,
        "failures": len(wrong),
        "seed": seed,
        "seconds": round(time.perf_counter() - started, 1),
        "control": control,
        "acknowledged": calls,
        "examples": wrong[:5],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign, or be its writer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", action="store_true", help="Acknowledge before writing: must fail.")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--early", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.work:
        asyncio.run(write(options.work, options.first, early=options.early))
        return 0
    result = run(options.rounds, options.seed, control=options.control)
    print(json.dumps(result))
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
