"""The embedded store: one process, no lost write, and a tenant in every request to the engine."""

import asyncio
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import qdrant_edge
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qdrant_edge import EdgeConfig, EdgeShard, EdgeVectorParams, FieldCondition, Filter, MatchValue, Point

from repartee.application.ports import EmbeddedFact, FactStore
from repartee.domain.errors import ConfigurationError, StoreLocked, UpstreamUnavailable
from repartee.domain.fact import FactView, TenantScope
from repartee.integrations import qdrant_edge_fact_store as module
from repartee.integrations.qdrant_edge_fact_store import QdrantEdgeFactStore
from tests.contract.test_fact_store import (
    ANN,
    BOB,
    TOPICS,
    assert_isolated,
    by_id,
    embedded,
    make_fact,
    pages,
    random_vector,
    remember,
)
from tests.fakes import FAKE_PROFILE, FakeFactStore, FakeTelemetry
from tests.fakes import _bag_of_words as vector_of

KILL_ROUNDS = int(os.environ.get("KILL_ROUNDS", "6"))
OTHER = replace(FAKE_PROFILE, id="other", dimension=8)


@pytest.fixture
def telemetry() -> FakeTelemetry:
    return FakeTelemetry()


@pytest.fixture
async def store(tmp_path, telemetry):
    store = QdrantEdgeFactStore(tmp_path, FAKE_PROFILE, telemetry)
    await store.ensure()
    yield store
    await store.close()


def child(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Start Python with `script`; `store` in it is a store in the folder of its first argument."""
    prelude = (
        "import asyncio, sys; from pathlib import Path; from tests.fakes import FAKE_PROFILE, FakeTelemetry\n"
        "from repartee.integrations.qdrant_edge_fact_store import QdrantEdgeFactStore\n"
        "store = QdrantEdgeFactStore(Path(sys.argv[1]), FAKE_PROFILE, FakeTelemetry())\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", prelude + script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


REPORTER = """
try:
    asyncio.run(store.ensure())
except Exception as error:
    print(error.code, error.message)
"""


# --- one folder, one process --------------------------------------------------------------------------


async def test_a_second_process_is_told_who_owns_the_folder_and_what_to_do(store, tmp_path):
    with child(REPORTER, tmp_path) as second:
        output = second.stdout.read()
    assert output.startswith("store_locked another process owns")
    assert str(tmp_path) in output
    assert "use the API that is running" in output
    assert "REPARTEE_QDRANT__URL" in output
    await remember(store, ANN, TOPICS)
    assert await store.count(ANN) == len(TOPICS)


async def test_the_folder_is_free_again_after_closing(store, tmp_path, telemetry):
    second = QdrantEdgeFactStore(tmp_path, FAKE_PROFILE, telemetry)
    with pytest.raises(StoreLocked):
        await second.ensure()
    await store.close()
    await second.ensure()
    await second.close()


async def test_facts_are_still_there_after_opening_again(store):
    facts = await remember(store, ANN, TOPICS)
    await store.close()
    await store.close()
    await store.ensure()
    assert await pages(store, ANN, 3) == by_id(facts)
    assert len(await store.search(ANN, vector_of("cat"), 10)) == len(TOPICS)


@pytest.mark.parametrize("opened", [True, False])
async def test_a_store_that_is_not_open_is_unavailable(store, tmp_path, telemetry, opened):
    if opened:
        await store.close()
    else:
        store = QdrantEdgeFactStore(tmp_path / "never", FAKE_PROFILE, telemetry)
    for call in (
        store.check(),
        store.count(ANN),
        store.search(ANN, vector_of("x"), 1),
        store.delete_all(ANN),
    ):
        with pytest.raises(UpstreamUnavailable):
            await call
    assert ("store", "upstream_unavailable") in telemetry.upstreams


def test_name_says_engine_and_folder(tmp_path, telemetry):
    assert QdrantEdgeFactStore(Path("var/facts"), FAKE_PROFILE, telemetry).name == (
        "Qdrant (embedded) in var/facts"
    )


# --- a folder that cannot be used ---------------------------------------------------------------------


async def test_another_dimension_is_refused_with_both_numbers_and_the_fix(store, tmp_path, telemetry):
    await store.close()
    with pytest.raises(ConfigurationError) as caught:
        await QdrantEdgeFactStore(tmp_path, replace(FAKE_PROFILE, dimension=384), telemetry).ensure()
    assert "vector size 64" in caught.value.message
    assert "384" in caught.value.message
    assert "repartee facts reindex" in caught.value.message
    assert "REPARTEE_DATA_DIR" in caught.value.message
    await store.ensure()


async def test_another_distance_is_refused(tmp_path, telemetry):
    vectors = EdgeVectorParams(size=64, distance=qdrant_edge.Distance.Dot)
    EdgeShard.create(str(tmp_path / FAKE_PROFILE.id), EdgeConfig(vectors=vectors)).close()
    with pytest.raises(ConfigurationError, match="distance Dot, the embedder's have Cosine"):
        await QdrantEdgeFactStore(tmp_path, FAKE_PROFILE, telemetry).ensure()


async def test_a_file_in_place_of_the_folder_is_a_configuration_error(tmp_path, telemetry):
    (tmp_path / "facts").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be opened as a fact store"):
        await QdrantEdgeFactStore(tmp_path / "facts", FAKE_PROFILE, telemetry).ensure()


@pytest.mark.parametrize("damaged", ["edge_config.json", "status.dat"], ids=["error", "panic"])
async def test_a_damaged_folder_is_a_configuration_error(store, tmp_path, telemetry, damaged, capfd):
    await remember(store, ANN, TOPICS)
    await store.close()
    for path in tmp_path.rglob(damaged):
        path.write_bytes(b"")
    with pytest.raises(ConfigurationError, match="move the folder away"):
        await store.ensure()


async def test_a_panic_of_the_engine_is_an_upstream_error_and_other_errors_are_not(store, monkeypatch):
    class PanicException(BaseException):  # as pyo3 makes it: no Exception
        pass

    class Broken:
        def __init__(self, error: BaseException) -> None:
            self.error = error

        def count(self, request: object) -> int:
            raise self.error

    monkeypatch.setattr(store, "_shard", Broken(PanicException("index out of bounds")))
    with pytest.raises(UpstreamUnavailable):
        await store.count(ANN)
    monkeypatch.setattr(store, "_shard", Broken(Exception("No space left on device")))
    with pytest.raises(UpstreamUnavailable):
        await store.count(ANN)
    monkeypatch.setattr(store, "_shard", Broken(TypeError("a bug")))
    with pytest.raises(TypeError):
        await store.count(ANN)
    monkeypatch.undo()


# --- nothing that was acknowledged is lost ------------------------------------------------------------

WRITER = """
import random, uuid
from datetime import UTC, datetime
from repartee.application.ports import EmbeddedFact
from repartee.domain.fact import Fact, TenantScope
async def write():
    await store.ensure()
    print("ready", flush=True)
    for number in range(int(sys.argv[2]), 10**9):
        fact = Fact(id=str(uuid.uuid4()), text=f"fact {number}", created_at=datetime.now(UTC))
        numbers = random.Random(number)
        vector = [numbers.gauss() for _ in range(64)]
        await store.upsert(TenantScope("ann"), [EmbeddedFact(fact, vector)])
        print(fact.id, flush=True)
asyncio.run(write())
"""


async def test_kill_9_loses_no_acknowledged_write(tmp_path, telemetry):
    chance, acknowledged = random.Random(9), []
    for number in range(KILL_ROUNDS):
        with child(WRITER, tmp_path, number * 1_000_000) as writer:
            assert writer.stdout.readline() == "ready\n"
            lines = [writer.stdout.readline() for _ in range(chance.randint(2, 20))]
            time.sleep(chance.uniform(0.0, 0.01))
            writer.send_signal(signal.SIGKILL)
            lines += writer.stdout.read().splitlines(keepends=True)
        acknowledged += [line.strip() for line in lines if line.endswith("\n")]
        store = QdrantEdgeFactStore(tmp_path, FAKE_PROFILE, telemetry)
        await store.ensure()
        found = {fact.id for fact in await store.get(ANN, acknowledged)}
        assert found == set(acknowledged)
        assert len(acknowledged) <= await store.count(ANN) <= len(acknowledged) + number + 1
        [hit] = await store.search(ANN, random_vector(number * 1_000_000), 1)
        assert hit.text == f"fact {number * 1_000_000}"
        await store.close()
    assert len(acknowledged) > KILL_ROUNDS


async def test_a_first_start_that_was_killed_is_completed_by_the_next(tmp_path, telemetry):
    folder, chance = tmp_path / "facts", random.Random(3)
    for _ in range(KILL_ROUNDS):
        shutil.rmtree(folder, ignore_errors=True)
        with child('print("ready", flush=True)\nasyncio.run(store.ensure())', folder) as first:
            first.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.06))
            first.send_signal(signal.SIGKILL)
        later = QdrantEdgeFactStore(folder, OTHER, telemetry)
        for profile in await later.stale_profiles():
            assert [pair async for pair in later.export(profile)] == []
        store = QdrantEdgeFactStore(folder, FAKE_PROFILE, telemetry)
        await store.ensure()
        await remember(store, ANN, TOPICS)
        assert await store.count(ANN) == len(TOPICS)
        await store.close()


async def test_a_folder_from_before_gets_the_indexes_that_searches_need(store, tmp_path, telemetry):
    await remember(store, ANN, TOPICS)
    for name in ("character_key", "is_pinned", "is_superseded"):
        store._shard.update(qdrant_edge.UpdateOperation.delete_field_index(name))
    store._shard.flush()
    assert set(store._shard.info().payload_schema) == {"user_id"}
    await store.close()
    await store.ensure()
    assert set(store._shard.info().payload_schema) == {
        "user_id",
        "character_key",
        "is_pinned",
        "is_superseded",
    }
    assert len(await store.search(ANN, vector_of(TOPICS[0]), 24, FactView(character="Juno"))) == len(TOPICS)


async def test_an_empty_folder_is_completed(tmp_path, telemetry):
    (tmp_path / FAKE_PROFILE.id).mkdir()
    store = QdrantEdgeFactStore(tmp_path, FAKE_PROFILE, telemetry)
    await store.ensure()
    await remember(store, ANN, TOPICS)
    await store.close()


# --- every request carries the tenant -----------------------------------------------------------------


class SpyShard:
    """The engine's shard with four doors, which notes the filter of every request."""

    def __init__(self, shard: EdgeShard, log: list[Any]) -> None:
        self._shard = shard
        self._log = log
        self.info = shard.info
        self.close = shard.close

    def query_batch(self, batch: Any) -> Any:
        self._log += [request.filter for request in batch.queries]
        return self._shard.query_batch(batch)

    def scroll(self, request: Any) -> Any:
        self._log.append(request.filter)
        return self._shard.scroll(request)

    def count(self, request: Any) -> Any:
        self._log.append(request.filter)
        return self._shard.count(request)

    def update(self, operation: Any) -> None:
        self._log.append("update")
        self._shard.update(operation)

    def flush(self) -> None:
        self._log.append("flush")
        self._shard.flush()


class SpyOperation:
    """The two writes that the store may ask for."""

    log: list[Any]

    @classmethod
    def upsert_points(cls, points: list[Point], condition: Filter) -> Any:
        cls.log.append(condition)
        cls.owners = {point.payload["user_id"] for point in points}
        return qdrant_edge.UpdateOperation.upsert_points(points, condition=condition)

    @classmethod
    def overwrite_payload_by_filter(cls, owned: Filter, payload: dict[str, Any]) -> Any:
        cls.log.append(owned)
        return qdrant_edge.UpdateOperation.overwrite_payload_by_filter(owned, payload)

    @classmethod
    def delete_points_by_filter(cls, owned: Filter) -> Any:
        cls.log.append(owned)
        return qdrant_edge.UpdateOperation.delete_points_by_filter(owned)


@pytest.fixture
def log(store, monkeypatch) -> Iterator[list[Any]]:
    log: list[Any] = []
    SpyOperation.log = log
    shard = store._shard
    monkeypatch.setattr(module, "UpdateOperation", SpyOperation)
    monkeypatch.setattr(store, "_shard", SpyShard(shard, log))
    yield log
    monkeypatch.undo()


@pytest.mark.parametrize("user_id", ["a", "A", "a.b", "a|b", "0", "user@example.org"])
async def test_every_request_to_the_engine_carries_exactly_the_tenant(store, log, user_id):
    scope = TenantScope(user_id)
    fact = make_fact(scope, "x")
    calls = {
        "search": lambda: store.search(scope, vector_of("x"), 5),
        "upsert": lambda: store.upsert(scope, embedded(fact)),
        "search_pinned": lambda: store.search(scope, vector_of("x"), 5, FactView("Juno"), pinned=3),
        "annotate": lambda: store.annotate(scope, [fact]),
        "get": lambda: store.get(scope, [fact.id]),
        "find": lambda: store.find(scope, ["x"]),
        "page": lambda: store.page(scope, None, 5),
        "count": lambda: store.count(scope),
        "delete": lambda: store.delete(scope, [fact.id]),
        "delete_all": lambda: store.delete_all(scope),
    }
    methods = {name for name in vars(FactStore) if not name.startswith("_")}
    assert methods - {"name", "ensure", "check"} == calls.keys() - {"search_pinned"}
    await store.upsert(scope, embedded(fact))
    for name, call in calls.items():
        log.clear()
        await call()
        filters = [entry for entry in log if entry not in {"update", "flush"}]
        assert filters, name
        for owned in filters:
            assert isinstance(owned, Filter), f"{name} asked without a filter"
            tenant = owned.must[0]
            assert isinstance(tenant, FieldCondition)
            assert tenant.key == "user_id"
            assert isinstance(tenant.match, MatchValue)
            assert tenant.match.value == user_id
            assert (owned.should, owned.min_should) == (None, None)  # `must_not` can only hide more
    assert SpyOperation.owners == {user_id}


async def test_a_write_is_answered_after_a_flush(store, log):
    fact = make_fact(ANN, "x")
    for write in (
        lambda: store.upsert(ANN, embedded(fact)),
        lambda: store.annotate(ANN, [fact]),
        lambda: store.delete(ANN, [fact.id]),
        lambda: store.upsert(ANN, embedded(fact)),
        lambda: store.delete_all(ANN),
    ):
        log.clear()
        await write()
        steps = [entry for entry in log if isinstance(entry, str)]
        assert steps == ["update", "flush"]


# --- and what comes back is checked again -------------------------------------------------------------


async def test_without_the_tenant_in_the_filter_the_isolation_check_fails(store, monkeypatch):
    monkeypatch.setattr(module, "_owned_by", lambda scope, *conditions: Filter(must=list(conditions)))
    with pytest.raises(AssertionError):
        await assert_isolated(store)


async def test_without_the_tenant_in_the_filter_foreign_facts_are_dropped_and_counted(
    store, telemetry, monkeypatch
):
    facts = await remember(store, ANN, TOPICS)
    await remember(store, BOB, TOPICS)
    monkeypatch.setattr(module, "_owned_by", lambda scope, *conditions: Filter(must=list(conditions)))
    ids = sorted(fact.id for fact in facts)
    everyone = [*ids, *(make_fact(BOB, text).id for text in TOPICS)]
    assert sorted(hit.id for hit in await store.search(ANN, vector_of("cat"), 100)) == ids
    assert sorted(fact.id for fact in await store.get(ANN, everyone)) == ids
    assert sorted(fact.id for fact in await store.find(ANN, TOPICS)) == ids
    assert sorted(fact.id for fact in await pages(store, ANN, 3)) == ids
    assert telemetry.left_out == ["foreign_fact"] * len(TOPICS) * 4


@pytest.mark.parametrize(
    ("payload", "counted"),
    [
        ({"user_id": ["ann", "bob"]}, "foreign_fact"),
        ({"user_id": "ann"}, "unreadable_fact"),
        ({"user_id": "ann", "text": 7}, "unreadable_fact"),
        ({"user_id": "ann", "created_at": "yesterday"}, "unreadable_fact"),
        ({"user_id": "ann", "owner": "nobody"}, "unreadable_fact"),
        ({"user_id": "ann", "text": ""}, "unreadable_fact"),
    ],
)
async def test_a_point_that_is_not_a_fact_of_the_user_is_dropped_and_counted(
    store, telemetry, payload, counted
):
    whole = {"owner": "user", "text": "x", "created_at": "2026-01-01T00:00:00+00:00", "source": ""}
    if len(payload) > 1 or counted == "foreign_fact":
        payload = whole | payload
    point = Point(id="00000000-0000-5000-8000-000000000001", vector=vector_of("x"), payload=payload)
    store._shard.update(qdrant_edge.UpdateOperation.upsert_points([point]))
    assert await store.search(ANN, vector_of("x"), 5) == []
    assert telemetry.left_out == [counted]


async def test_5000_random_searches_stay_with_their_user(store, telemetry):
    chance = random.Random(7)
    users = [
        TenantScope(f"{first}{second}") for first in "aAbB0_" for second in ("", ".", "|a", "a", "@x", ":")
    ]
    numbers: dict[TenantScope, set[str]] = {user: set() for user in users}
    for user in users:
        rows = [EmbeddedFact(make_fact(user, f"{n}"), random_vector(n)) for n in range(chance.randint(1, 30))]
        await store.upsert(user, rows)
        numbers[user] = {row.fact.id for row in rows}
    vectors = [random_vector(n) for n in range(60)]
    for _ in range(5_000):
        user, limit = chance.choice(users), chance.randint(1, 40)
        hits = await store.search(user, chance.choice(vectors), limit)
        assert {hit.id for hit in hits} <= numbers[user]
        assert len(hits) == min(limit, len(numbers[user]))
    assert telemetry.left_out == []


# --- any sequence of calls gives what the fake gives --------------------------------------------------

BASES = st.sampled_from(["", ".", "|", "a", "A", ":b", "@x", "_", "-1"])
TEXTS = st.sampled_from(["cat", "a cat", "Cat", "cat\ncat", "кот", "🐈", "cat " * 5 + "!"])
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["upsert", "steal", "delete", "delete foreign", "delete_all"]),
        st.integers(0, 2),
        st.integers(0, 2),
        st.lists(TEXTS, min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=8,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[QdrantEdgeFactStore]:
    store = QdrantEdgeFactStore(tmp_path_factory.mktemp("edge"), FAKE_PROFILE, FakeTelemetry())
    asyncio.run(store.ensure())
    shard = store._shard
    assert shard is not None
    yield store
    asyncio.run(store.close())


fresh = iter(range(10**9))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(suffixes=st.lists(BASES, min_size=3, max_size=3, unique=True), steps=STEPS)
def test_any_sequence_of_writes_leaves_every_user_with_their_own(shared, suffixes, steps):
    users = [TenantScope(f"u{next(fresh)}{suffix}") for suffix in suffixes]
    asyncio.run(same_as_the_fake(shared, users, steps))


async def same_as_the_fake(store: FactStore, users: list[TenantScope], steps: list[Any]) -> None:
    fake = FakeFactStore()
    for action, one, other, texts in steps:
        scope, foreign = users[one], users[other]
        theirs = [make_fact(foreign, text) for text in texts]
        for each in (store, fake):
            match action:
                case "upsert":
                    await remember(each, scope, texts)
                case "steal":
                    held = await each.get(foreign, [fact.id for fact in theirs])
                    await each.upsert(scope, embedded(*held))
        counts = {
            "delete": lambda each, scope=scope, texts=texts: each.delete(
                scope, [make_fact(scope, text).id for text in texts]
            ),
            "delete foreign": lambda each, scope=scope, theirs=theirs: each.delete(
                scope, [fact.id for fact in theirs]
            ),
            "delete_all": lambda each, scope=scope: each.delete_all(scope),
        }
        if action in counts:
            assert await counts[action](store) == await counts[action](fake)
        for user in users:
            assert await pages(store, user, 4) == await pages(fake, user, 4)
            assert await store.count(user) == await fake.count(user)
            found = await store.search(user, vector_of(texts[0]), 50)
            expected = await fake.search(user, vector_of(texts[0]), 50)
            assert {hit.id: hit.text for hit in found} == {hit.id: hit.text for hit in expected}


# --- folders of other embedders -----------------------------------------------------------------------


async def test_only_folders_with_a_shard_count_as_profiles(store, tmp_path):
    (tmp_path / "notes" / "segments").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "edge_config.json").write_text("{}")
    (tmp_path / "file").write_text("")
    assert await store.stale_profiles() == []


async def test_no_folder_means_no_profiles(tmp_path, telemetry):
    assert await QdrantEdgeFactStore(tmp_path / "none", FAKE_PROFILE, telemetry).stale_profiles() == []


async def test_a_profile_that_another_process_serves_is_neither_exported_nor_dropped(
    store, tmp_path, telemetry
):
    other = QdrantEdgeFactStore(tmp_path, OTHER, telemetry)
    await other.ensure()
    with pytest.raises(StoreLocked):
        [pair async for pair in store.export("other")]
    with pytest.raises(StoreLocked):
        await store.drop("other")
    assert await store.stale_profiles() == ["other"]
    await other.close()
    await store.drop("other")
    assert sorted(path.name for path in tmp_path.iterdir()) == [FAKE_PROFILE.id]


async def test_an_export_that_is_broken_off_frees_the_folder(store, tmp_path, telemetry):
    other = QdrantEdgeFactStore(tmp_path, replace(FAKE_PROFILE, id="other"), telemetry)
    await other.ensure()
    await remember(other, ANN, TOPICS)
    await other.close()
    exporting = store.export("other")
    await anext(exporting)
    await exporting.aclose()
    await other.ensure()
    await other.close()


async def test_unreadable_points_are_counted_and_left_out_of_an_export(store, tmp_path, telemetry):
    other = QdrantEdgeFactStore(tmp_path, replace(FAKE_PROFILE, id="other"), telemetry)
    await other.ensure()
    facts = await remember(other, ANN, TOPICS)
    for number, owner in enumerate([None, 7, ["ann"], "", "no such user!"]):
        point = Point(id=number, vector=vector_of("x"), payload={"user_id": owner, "text": "x"})
        other._shard.update(qdrant_edge.UpdateOperation.upsert_points([point]))
    await other.close()
    assert by_id([fact async for _, fact in store.export("other")]) == by_id(facts)
    assert telemetry.left_out == ["unreadable_fact"] * 5


def test_the_engine_still_words_its_errors_as_this_adapter_reads_them(tmp_path):
    """The texts are all that the engine gives: a new version that words them anew must fail here."""
    folder = str(tmp_path / "shard")
    vectors = EdgeVectorParams(size=4, distance=qdrant_edge.Distance.Cosine)
    shard = EdgeShard.create(folder, EdgeConfig(vectors=vectors))
    with pytest.raises(Exception, match="WouldBlock"):
        EdgeShard.load(folder)
    shard.close()
    wider = EdgeVectorParams(size=5, distance=qdrant_edge.Distance.Cosine)
    with pytest.raises(Exception, match=re.escape("expected vector size 5, but got 4")):
        EdgeShard.load(folder, EdgeConfig(vectors=wider))


# --- how vectors are kept -----------------------------------------------------------------------------


async def test_half_precision_finds_the_same_facts_with_nearly_the_same_scores(tmp_path, telemetry):
    exact = QdrantEdgeFactStore(tmp_path / "32", FAKE_PROFILE, telemetry)
    halved = QdrantEdgeFactStore(tmp_path / "16", FAKE_PROFILE, telemetry, "float16")
    facts = [EmbeddedFact(make_fact(ANN, f"{number}"), random_vector(number)) for number in range(300)]
    for store in (exact, halved):
        await store.ensure()
        await store.upsert(ANN, facts)
    for number in range(1_000, 1_020):
        hits = {hit.id: hit.score for hit in await exact.search(ANN, random_vector(number), 300)}
        found = await halved.search(ANN, random_vector(number), 300)
        assert all(abs(hit.score - hits[hit.id]) < 1e-3 for hit in found)
    for store in (exact, halved):
        await store.close()


async def test_a_folder_of_another_precision_is_refused_with_the_setting_that_fits(tmp_path, telemetry):
    first = QdrantEdgeFactStore(tmp_path, FAKE_PROFILE, telemetry)
    await first.ensure()
    await remember(first, ANN, TOPICS)
    await first.close()
    with pytest.raises(ConfigurationError, match=r"holds Float32 vectors, REPARTEE_QDRANT__VECTORS"):
        await QdrantEdgeFactStore(tmp_path, FAKE_PROFILE, telemetry, "float16").ensure()
