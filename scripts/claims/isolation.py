"""Claim: no search of the embedded store gives a fact of another user.

    .venv/bin/python -m scripts.claims.isolation --searches 1000000 --seed 1

Ids are chosen to be taken for one another: prefixes, other case, separators, digits. Every user's facts say
whose they are, vectors are random, and a third of the searches ask exactly for another user's fact. Each
search is checked twice: on the engine's own hits, before our adapter compares them with the scope, and on
what the adapter returns. `--control` leaves the tenant out of the filter; then the campaign has to fail.
Prints one JSON line; exit status 1 where a search gives a foreign fact, or a user's own facts are not found.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from qdrant_edge import Filter

from repartee.application.ports import EmbeddedFact, EmbedderProfile, Vector
from repartee.domain.fact import Fact, TenantScope, fact_id, fact_key
from repartee.infrastructure.telemetry import PrometheusTelemetry
from repartee.integrations import qdrant_edge_fact_store
from repartee.integrations.fact_payload import OWNER_KEY
from repartee.integrations.qdrant_edge_fact_store import QdrantEdgeFactStore

DIMENSION = 16
PROFILE = EmbedderProfile("claims-16", "random", "1", DIMENSION, 0.0)
STEMS = (
    "a",
    "A",
    "ann",
    "Ann",
    "ANN",
    "ann.",
    "ann:",
    "ann|",
    "ann@x",
    "ann+",
    "ann=",
    "ann~",
    "ann-",
    "0",
    "_",
)


class Watched(QdrantEdgeFactStore):
    """The store, with the engine's own hits counted that belong to somebody else."""

    foreign_in_engine = 0

    async def search(self, scope: TenantScope, vector: Vector, limit: int, *args: Any, **more: Any) -> Any:
        """Search, and look at what the engine gives before the adapter does."""
        run = self._run

        async def watched(request: Any) -> Any:
            found = await run(request)
            points = [point for batch in found for point in batch]
            self.foreign_in_engine += sum(point.payload.get(OWNER_KEY) != scope.user_id for point in points)
            return found

        self._run = watched  # type: ignore[method-assign]
        try:
            return await super().search(scope, vector, limit, *args, **more)
        finally:
            self._run = run  # type: ignore[method-assign]


def user_ids(count: int) -> list[str]:
    """Return ids that begin with, end with and contain each other."""
    return [f"{STEMS[number % len(STEMS)]}{number // len(STEMS) or ''}" for number in range(count)]


def vectors(count: int, chance: np.random.Generator) -> list[Vector]:
    """Return random directions of unit length."""
    drawn = chance.normal(size=(count, DIMENSION))
    unit: list[Vector] = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).tolist()
    return unit


async def searched(folder: Path, searches: int, users: int, seed: int) -> dict[str, int]:
    """Fill a store, search it, and count what must not be."""
    chance, drawn = random.Random(seed), np.random.default_rng(seed)
    store = Watched(folder, PROFILE, PrometheusTelemetry())
    await store.ensure()
    known: dict[str, list[Vector]] = {}
    for user in user_ids(users):
        known[user] = vectors(chance.randint(1, 40), drawn)
        facts = [_fact(user, number, vector) for number, vector in enumerate(known[user])]
        await store.upsert(TenantScope(user), facts)
    names = list(known)
    foreign = empty = 0
    random_vectors = vectors(4_096, drawn)
    for number in range(searches):
        asking, other = chance.choice(names), chance.choice(names)
        vector = chance.choice(known[other]) if number % 3 == 0 else random_vectors[number % 4_096]
        hits = await store.search(TenantScope(asking), vector, 8)
        foreign += sum(not hit.text.startswith(f"fact of <{asking}> ") for hit in hits)
        empty += not hits
    in_engine = store.foreign_in_engine
    await store.close()
    return {"foreign": foreign, "foreign_in_engine": in_engine, "empty": empty, "users": len(names)}


def _fact(user: str, number: int, vector: Vector) -> EmbeddedFact:
    text = f"fact of <{user}> number {number}"
    id_ = fact_id(TenantScope(user), fact_key("user", "", text))
    return EmbeddedFact(Fact(id=id_, text=text, created_at=datetime(2026, 1, 1, tzinfo=UTC)), vector)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--searches", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", action="store_true", help="without the tenant filter: must fail")
    options = parser.parse_args(arguments)
    if options.control:
        qdrant_edge_fact_store._visible = lambda *_: Filter()  # noqa: SLF001  # what is broken on purpose
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(searched(Path(folder), options.searches, options.users, options.seed))
    failures = found["foreign"] + found["foreign_in_engine"] + found["empty"]
    result = {
        "claim": "isolation",
        "n": options.searches,
        "failures": failures,
        "seed": options.seed,
        "seconds": round(time.perf_counter() - started, 1),
        "control": options.control,
        **found,
    }
    print(json.dumps(result))
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
