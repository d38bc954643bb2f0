"""Claim: kill -9 at any moment loses no acknowledged write of the embedded store and leaves it readable.

    .venv/bin/python -m scripts.claims.killed_writes --rounds 1000 --seed 1

Each round starts a process that stores, edits and deletes facts of two users and says after each call what it
did; it is killed with SIGKILL at a random moment. The next one finds every acknowledged write, nothing of
what was acknowledged as deleted, at most the one write more that was on its way, and every text whole. All
rounds use one folder. `--control` lets the writer say so before it writes: it must fail.
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
from typing import IO, Any, Final

from repartee.application.ports import EmbeddedFact, EmbedderProfile
from repartee.domain.fact import Fact, TenantScope, fact_id, fact_key
from repartee.infrastructure.telemetry import PrometheusTelemetry
from repartee.integrations.qdrant_edge_fact_store import QdrantEdgeFactStore

PROFILE: Final = EmbedderProfile("kills-16", "random", "1", 16, 0.0)
USERS: Final = ("ann", "ann.")
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
LONGEST_SECONDS: Final = 0.25
PAGE: Final = 1_000


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
    """Write until killed; `early` says what is done before it is done."""
    store, chance = await opened(folder), random.Random(first)
    print("ready", flush=True)
    kept: list[tuple[str, int]] = []
    for number in range(first, first + 1_000_000):
        user, word = chance.choice(USERS), "put"
        if kept and chance.random() < 0.25:
            word, (user, number) = "deleted", kept.pop(chance.randrange(len(kept)))  # noqa: PLW2901  # an old one
        else:
            kept.append((user, number))
        row, said = made_fact(user, number), f"{word} {user} {number}"
        if early:
            print(said, flush=True)
        if word == "put":
            await store.upsert(TenantScope(user), [row])
        else:
            await store.delete(TenantScope(user), [row.fact.id])
        if not early:
            print(said, flush=True)


@dataclass
class Ledger:
    """What was acknowledged: whether each fact is there or gone."""

    there: set[tuple[str, int]] = field(default_factory=set)
    gone: set[tuple[str, int]] = field(default_factory=set)
    calls: int = 0

    def read(self, stdout: IO[str]) -> None:
        """Take what the killed process said; a last line that was cut off says nothing."""
        for line in stdout.read().splitlines(keepends=True):
            word, user, number = (*line.split(), "", "")[:3]
            if not line.endswith("\n") or word not in {"put", "deleted"}:
                continue
            one, self.calls = (user, int(number)), self.calls + 1
            if word == "put":
                self.there.add(one)
            else:
                self.there.discard(one)
                self.gone.add(one)


async def stored(folder: Path) -> set[tuple[str, int]]:
    """Return what the store holds. Raises ValueError for a text that is not whole."""
    store, found = await opened(folder), set[tuple[str, int]]()
    for user in USERS:
        after, more = None, True
        while more:
            page = await store.page(TenantScope(user), PAGE, after)
            for fact in page.facts:
                number = int(fact.text.split()[1])
                if fact.text != made_fact(user, number).fact.text:
                    raise ValueError(f"the text of {number} is torn")
                found.add((user, number))
            after, more = page.next, page.next is not None
    await store.close()
    return found


def problems(found: set[tuple[str, int]], ledger: Ledger) -> list[str]:
    """Compare the store with what was acknowledged, and take over the one write that was on its way."""
    lost, back, more = ledger.there - found, ledger.gone & found, found - ledger.there - ledger.gone
    wrong = [f"{len(more)} writes more than one on its way"] if len(more) > 1 else []
    on_its_way = 0 if more else 1  # a deletion that was done and not said yet
    if len(lost) > on_its_way:
        wrong.append(f"{len(lost)} acknowledged writes lost")
    if back:
        wrong.append(f"{len(back)} deleted facts are back")
    ledger.there = set(found)
    return wrong


def killed(folder: Path, first: int, chance: random.Random, ledger: Ledger, *, early: bool) -> None:
    """Start a writer, kill it at a random moment, and read what it said."""
    command = [sys.executable, "-m", "scripts.claims.killed_writes", "--work", str(folder), "--first", str(first)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command += ["--early"] if early else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as writer:
        if writer.stdout is None:
            raise RuntimeError("the writer has no output")
        writer.stdout.readline()
        time.sleep(chance.uniform(0.0, LONGEST_SECONDS))
        writer.kill()
        ledger.read(writer.stdout)


def run(rounds: int, seed: int, *, control: bool) -> dict[str, Any]:
    """Return the result of one campaign."""
    started, chance, ledger, wrong = time.perf_counter(), random.Random(seed), Ledger(), list[str]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(rounds):
            killed(folder, (seed * rounds + number) * 1_000_000, chance, ledger, early=control)
            wrong += problems(asyncio.run(stored(folder)), ledger)
    return {
        "claim": "killed_writes",
        "n": rounds,
        "failures": len(wrong),
        "seed": seed,
        "seconds": round(time.perf_counter() - started, 1),
        "control": control,
        "acknowledged": ledger.calls,
        "facts_at_the_end": len(ledger.there),
        "examples": wrong[:5],
    }
