"""Measure the embedded fact store: loading, memory, searches, writes, opening.

    .venv/bin/python scripts/bench_facts.py --facts 1000000 --users 100000 --out docs/benchmarks/facts-1m.json

Vectors are random unit vectors of the local encoder's size; the store is the service's adapter, used as for a
reply: 24 candidates and up to 8 pinned ones per search, of which a user's tenth fact is one. The baseline of
the same run is a search without an engine: the scores of as many facts as a user has by numpy, the vectors at
hand. Latencies are wall time in milliseconds on one event loop; memory is the resident set.
"""

import argparse
import asyncio
import json
import platform
import resource
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from repartee.application.ports import EmbeddedFact, EmbedderProfile
from repartee.domain.fact import Fact, TenantScope, fact_id, fact_key
from repartee.infrastructure.telemetry import PrometheusTelemetry
from repartee.integrations.qdrant_edge_fact_store import QdrantEdgeFactStore

DIMENSION, LOADED_AT_ONCE, CANDIDATES, PINNED = 1_024, 4_000, 24, 8
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROFILE = EmbedderProfile(id="bench", model="random", revision="1", dimension=DIMENSION, threshold=0.0)

arguments = argparse.ArgumentParser(description="Measure the embedded fact store.")
arguments.add_argument("--facts", type=int, default=100_000)
arguments.add_argument("--users", type=int, default=1_000)
arguments.add_argument("--searches", type=int, default=2_000)
arguments.add_argument("--seed", type=int, default=0)
arguments.add_argument("--folder", type=Path, help="where the store is made (default: a temporary folder)")
arguments.add_argument("--out", type=Path, help="also write the figures as JSON")
options = arguments.parse_args()
chance = np.random.default_rng(options.seed)


def unit_vectors(count: int) -> npt.NDArray[np.float32]:
    """Return `count` random directions."""
    vectors = chance.standard_normal((count, DIMENSION), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def made_fact(number: int) -> tuple[TenantScope, Fact]:
    """Return a fact with the user it belongs to: users take turns."""
    scope = TenantScope(f"user-{number % options.users}")
    text = f"Fact number {number} about this user, of the length that facts usually have"
    pinned = number // options.users == 9
    return scope, Fact(
        id=fact_id(scope, fact_key("user", "", text)), text=text, created_at=NOW, pinned=pinned
    )


def batches() -> Iterator[list[tuple[TenantScope, EmbeddedFact]]]:
    """Yield all facts with their vectors."""
    for start in range(0, options.facts, LOADED_AT_ONCE):
        numbers = range(start, min(start + LOADED_AT_ONCE, options.facts))
        made = map(made_fact, numbers)
        yield [
            (scope, EmbeddedFact(fact, vector.tolist()))
            for (scope, fact), vector in zip(made, unit_vectors(len(numbers)), strict=True)
        ]


def resident_mb() -> float:
    """Return the memory that the process holds now."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def disk_mb(folder: Path) -> int:
    """Return the room that a folder takes."""
    return round(sum(path.stat().st_blocks * 512 for path in folder.rglob("*")) / 1e6)


async def timed(count: int, work: Callable[[int], Awaitable[object]]) -> dict[str, float]:
    """Return p50, p95 and p99 of `count` calls, in milliseconds."""
    spent = []
    for number in range(count):
        started = time.perf_counter()
        await work(number)
        spent.append((time.perf_counter() - started) * 1e3)
    return {f"p{level}": round(float(np.percentile(spent, level)), 3) for level in (50, 95, 99)}


async def measured(folder: Path) -> dict[str, object]:
    """Fill a store and return the figures."""
    store = QdrantEdgeFactStore(folder, PROFILE, PrometheusTelemetry())
    await store.ensure()
    before_mb, loading = resident_mb(), 0.0
    for rows in batches():
        started = time.perf_counter()
        await store.load(rows)
        loading += time.perf_counter() - started
    queries = unit_vectors(options.searches).tolist()
    users = [TenantScope(f"user-{number}") for number in chance.integers(0, options.users, options.searches)]
    per_user = -(-options.facts // options.users)
    mine = unit_vectors(per_user)

    async def search(number: int) -> None:
        await store.search(users[number], queries[number], CANDIDATES, pinned=PINNED)

    async def numpy_search(number: int) -> None:
        scores = mine @ np.asarray(queries[number], np.float32)
        np.argsort(-scores)[:CANDIDATES].tolist()

    async def upsert(number: int) -> None:
        _, fact = made_fact(options.facts + number)
        await store.upsert(TenantScope("writer"), [EmbeddedFact(fact, queries[number])])

    await timed(50, search)
    filled_mb = resident_mb()
    figures: dict[str, object] = {
        "load_s": round(loading, 1),
        "load_facts_per_s": round(options.facts / loading),
        "memory_mb": {"before": round(before_mb), "loaded": round(filled_mb)},
        "search_ms": await timed(options.searches, search),
        "numpy_baseline_ms": await timed(options.searches, numpy_search),
        "upsert_and_flush_ms": await timed(50, upsert),
        "disk_mb": disk_mb(folder),
    }
    await store.close()
    started = time.perf_counter()
    await store.ensure()
    figures["open_s"] = round(time.perf_counter() - started, 2)
    figures["search_after_open_ms"] = await timed(options.searches, search)
    figures["memory_mb"] = {**figures["memory_mb"], "opened_again": round(resident_mb())}  # type: ignore[dict-item]
    started = time.perf_counter()
    await store.delete_all(users[0])
    figures["erase_user_ms"] = round((time.perf_counter() - started) * 1e3, 1)
    await store.close()
    return figures


folder = options.folder or Path(tempfile.mkdtemp(prefix="bench-facts-"))
try:
    figures = asyncio.run(measured(folder))
finally:
    shutil.rmtree(folder)
report = {
    "facts": options.facts,
    "users": options.users,
    "dimension": DIMENSION,
    "searches": options.searches,
    "seed": options.seed,
    "machine": f"{platform.machine()}, Python {platform.python_version()}, "
    f"qdrant-edge-py {version('qdrant-edge-py')}",
    **figures,
}
text = json.dumps(report, indent=2) + "\n"
print(text, end="")
if options.out:
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text, "utf-8")
