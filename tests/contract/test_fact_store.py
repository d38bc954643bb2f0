"""What every fact store does: one suite for the fake, the embedded engine and the server adapter.

No Qdrant server can be had offline. Its adapter runs against the client's local mode, directly and through
real gRPC messages; set QDRANT_URL to run it against a server as well.
"""

import asyncio
import math
import operator
import os
import random
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import grpc
import pytest
from qdrant_client import AsyncQdrantClient, models
from qdrant_client import grpc as pb
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc, grpc_to_payload
from typing_extensions import override

from repartee.application.ports import EmbeddedFact, EmbedderProfile, FactStore
from repartee.domain.errors import InvalidInput, NotFound
from repartee.domain.fact import Fact, FactView, TenantScope, fact_id, fact_key
from repartee.integrations.qdrant_edge_fact_store import QdrantEdgeFactStore
from repartee.integrations.qdrant_fact_store import QdrantFactStore, make_qdrant_client
from repartee.integrations.transport import Upstream
from tests.fakes import FAKE_PROFILE, FakeFactStore, FakeTelemetry
from tests.fakes import _bag_of_words as vector_of

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local:UserWarning")

NOW = datetime(2026, 11, 20, 12, 30, 15, 123456, tzinfo=UTC)
KATHMANDU = timezone(timedelta(hours=5, minutes=45))
USERS = ["a", "A", "a.b", "a|b", "ab", "a.", "a:b", "_a", "alice", "alice2", "alice@example.org", "0"]
TOPICS = ["Maya has a cat called Tofu", "Maya is allergic to nuts", "Maya plays the cello", "Мая любит чай"]


def make_fact(scope: TenantScope, text: str, **changes: Any) -> Fact:
    return Fact(
        **{"id": fact_id(scope, fact_key("user", "", text)), "text": text, "created_at": NOW, **changes}
    )


def random_vector(seed: int) -> list[float]:
    """A unit vector; two seeds never give equal scores, of which a limit may keep any."""
    numbers = random.Random(seed)
    vector = [numbers.gauss() for _ in range(FAKE_PROFILE.dimension)]
    return [value / math.hypot(*vector) for value in vector]


def embedded(*facts: Fact) -> list[EmbeddedFact]:
    return [EmbeddedFact(fact, vector_of(fact.text)) for fact in facts]


async def remember(store: FactStore, scope: TenantScope, texts: Iterable[str]) -> list[Fact]:
    facts = [make_fact(scope, text) for text in texts]
    await store.upsert(scope, embedded(*facts))
    return facts


CURRENT, EVERYTHING = FactView(), FactView(superseded=True)


async def pages(store: FactStore, scope: TenantScope, limit: int, view: FactView = CURRENT) -> list[Fact]:
    facts: list[Fact] = []
    after: str | None = None
    while True:
        page = await store.page(scope, after, limit, view)
        assert len(page.facts) <= limit
        facts += page.facts
        if page.next is None:
            return facts
        after = page.next


def by_id(facts: Iterable[Fact]) -> list[Fact]:
    return sorted(facts, key=lambda fact: fact.id)


async def assert_isolated(store: FactStore) -> None:
    """Users with the same facts never see, change or delete each other's, whatever method is called."""
    scopes = [TenantScope(user_id) for user_id in USERS]
    facts = {scope: await remember(store, scope, TOPICS) for scope in scopes}
    everything = [fact.id for of_one in facts.values() for fact in of_one]

    async def assert_has(scope: TenantScope, expected: list[Fact]) -> None:
        ids = [fact.id for fact in by_id(expected)]
        for text in TOPICS:
            found = await store.search(scope, vector_of(text), len(everything))
            assert sorted(hit.id for hit in found) == ids
        assert [fact.id for fact in by_id(await store.get(scope, everything))] == ids
        assert [fact.id for fact in by_id(await store.find(scope, TOPICS))] == ids
        assert [fact.id for fact in await pages(store, scope, 3)] == ids
        assert await store.count(scope) == len(ids)

    for scope in scopes:
        await assert_has(scope, facts[scope])
    for scope, other in pairwise(scopes):
        assert await store.delete(scope, [fact.id for fact in facts[other]]) == 0
        stolen = replace(embedded(facts[other][0])[0], vector=vector_of("stolen"))
        await store.upsert(scope, [stolen])
        await assert_has(other, facts[other])
        await assert_has(scope, facts[scope])
    for done, scope in enumerate(scopes, start=1):
        assert await store.delete_all(scope) == len(TOPICS)
        await assert_has(scope, [])
        for other in scopes[done:]:
            assert await store.count(other) == len(TOPICS)


async def or_missing(context: Any, answer: Any) -> Any:
    try:
        return await answer
    except ValueError as error:
        await context.abort(grpc.StatusCode.NOT_FOUND, str(error))


COMPLETED = pb.PointsOperationResponse(result=pb.UpdateResult(status=pb.UpdateStatus.Completed))


class GrpcPoints(pb.PointsServicer):
    """The part of a server that the adapter uses: gRPC in and out, the client's local mode within."""

    def __init__(self, local: AsyncQdrantClient) -> None:
        self.local = local

    @override
    async def QueryBatch(self, request: Any, context: Any) -> Any:
        queries = [
            models.QueryRequest(
                query=GrpcToRest.convert_query(query.query),
                filter=GrpcToRest.convert_filter(query.filter),
                limit=query.limit,
                with_payload=True,
            )
            for query in request.query_points
        ]
        answers = await or_missing(context, self.local.query_batch_points(request.collection_name, queries))
        return pb.QueryBatchResponse(
            result=[
                pb.BatchResult(result=[RestToGrpc.convert_scored_point(point) for point in answer.points])
                for answer in answers
            ]
        )

    @override
    async def OverwritePayload(self, request: Any, context: Any) -> Any:
        payload = grpc_to_payload(request.payload)
        chosen = GrpcToRest.convert_points_selector(request.points_selector)
        await or_missing(context, self.local.overwrite_payload(request.collection_name, payload, chosen))
        return COMPLETED

    @override
    async def Facet(self, request: Any, context: Any) -> Any:
        answer = await or_missing(
            context, self.local.facet(request.collection_name, request.key, limit=request.limit)
        )
        return pb.FacetResponse(
            hits=[
                pb.FacetHit(value=pb.FacetValue(string_value=str(hit.value)), count=hit.count)
                for hit in answer.hits
            ]
        )

    @override
    async def Scroll(self, request: Any, context: Any) -> Any:
        offset = GrpcToRest.convert_point_id(request.offset) if request.HasField("offset") else None
        owned = GrpcToRest.convert_filter(request.filter) if request.HasField("filter") else None
        points, following = await or_missing(
            context, self.local.scroll(request.collection_name, owned, request.limit, offset=offset)
        )
        return pb.ScrollResponse(
            result=[RestToGrpc.convert_record(point) for point in points],
            next_page_offset=RestToGrpc.convert_extended_point_id(following) if following else None,
        )

    @override
    async def Count(self, request: Any, context: Any) -> Any:
        answer = await or_missing(
            context, self.local.count(request.collection_name, GrpcToRest.convert_filter(request.filter))
        )
        return pb.CountResponse(result=pb.CountResult(count=answer.count))

    @override
    async def Upsert(self, request: Any, context: Any) -> Any:
        points = [GrpcToRest.convert_point_struct(point) for point in request.points]
        only = GrpcToRest.convert_filter(request.update_filter)
        await or_missing(
            context, self.local.upsert(request.collection_name, points, update_filter=only, wait=request.wait)
        )
        return COMPLETED

    @override
    async def Delete(self, request: Any, context: Any) -> Any:
        chosen = GrpcToRest.convert_points_selector(request.points)
        await or_missing(context, self.local.delete(request.collection_name, chosen))
        return COMPLETED

    @override
    async def CreateFieldIndex(self, request: Any, context: Any) -> Any:
        return COMPLETED


class GrpcCollections(pb.CollectionsServicer):
    """The same for collections."""

    def __init__(self, local: AsyncQdrantClient) -> None:
        self.local = local

    @override
    async def CollectionExists(self, request: Any, context: Any) -> Any:
        exists = await self.local.collection_exists(request.collection_name)
        return pb.CollectionExistsResponse(result=pb.CollectionExists(exists=exists))

    @override
    async def Create(self, request: Any, context: Any) -> Any:
        vectors = GrpcToRest.convert_vectors_config(request.vectors_config)
        hnsw = GrpcToRest.convert_hnsw_config_diff(request.hnsw_config)
        await self.local.create_collection(request.collection_name, vectors, hnsw_config=hnsw)
        return pb.CollectionOperationResponse(result=True)

    @override
    async def Get(self, request: Any, context: Any) -> Any:
        info = await or_missing(context, self.local.get_collection(request.collection_name))
        return pb.GetCollectionInfoResponse(result=RestToGrpc.convert_collection_info(info))

    @override
    async def List(self, request: Any, context: Any) -> Any:
        names = [collection.name for collection in (await self.local.get_collections()).collections]
        return pb.ListCollectionsResponse(collections=[pb.CollectionDescription(name=name) for name in names])

    @override
    async def Delete(self, request: Any, context: Any) -> Any:
        deleted = await self.local.delete_collection(request.collection_name)
        return pb.CollectionOperationResponse(result=deleted)


class Place:
    """Where stores of one engine live: stores that are opened at one place find each other's facts."""

    def __init__(self, engine: str, folder: Path, closing: AsyncExitStack) -> None:
        self.engine = engine
        self.telemetry = FakeTelemetry()
        self._folder = folder
        self._closing = closing
        self._client: AsyncQdrantClient | None = None

    async def open(self, profile: EmbedderProfile) -> Any:
        store = await self._made(profile)
        await store.ensure()
        return store

    async def _made(self, profile: EmbedderProfile) -> Any:
        if self.engine == "fake":
            return FakeFactStore(profile)
        if self.engine == "edge":
            edge = QdrantEdgeFactStore(self._folder, profile, self.telemetry)
            self._closing.push_async_callback(edge.close)
            return edge
        if self._client is None:
            self._client = await self._connected()
            self._closing.push_async_callback(self._client.close)
        store = QdrantFactStore(
            self._client, profile, Upstream("store", self.telemetry), self.telemetry, self.engine
        )
        if self.engine == "server":
            self._closing.push_async_callback(self._client.delete_collection, f"facts__{profile.id}")
        return store

    async def _connected(self) -> AsyncQdrantClient:
        if self.engine == "server":
            url, key = os.environ["QDRANT_URL"], os.environ.get("QDRANT_API_KEY")
            return make_qdrant_client(url, key, 10, prefer_grpc="QDRANT_GRPC" in os.environ)
        local = AsyncQdrantClient(":memory:")
        if self.engine == "local":
            return local
        server = grpc.aio.server()
        pb.add_PointsServicer_to_server(GrpcPoints(local), server)
        pb.add_CollectionsServicer_to_server(GrpcCollections(local), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        self._closing.push_async_callback(server.stop, None)
        return make_qdrant_client("http://127.0.0.1:1", None, 10, prefer_grpc=True, grpc_port=port)


NO_SERVER = pytest.mark.skipif("QDRANT_URL" not in os.environ, reason="no Qdrant server: set QDRANT_URL")
SERVER = pytest.param("server", marks=NO_SERVER)


@pytest.fixture
def profile() -> EmbedderProfile:
    return replace(FAKE_PROFILE, id=f"test-{uuid.uuid4().hex}")


@pytest.fixture
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as closing:
        yield Place(request.param, tmp_path / "facts", closing)


@pytest.fixture
async def store(place: Place, profile: EmbedderProfile) -> FactStore:
    return await place.open(profile)


every_engine = pytest.mark.parametrize("place", ["fake", "edge", "local", "grpc", SERVER], indirect=True)
every_archive = pytest.mark.parametrize("place", ["edge", "local", "grpc", SERVER], indirect=True)
ANN, BOB = TenantScope("ann"), TenantScope("bob")


@every_engine
async def test_users_are_kept_apart_in_every_method(store):
    await assert_isolated(store)


@every_engine
async def test_says_where_it_is_and_that_it_answers(store):
    assert store.name
    await store.check()


@every_engine
async def test_ensure_changes_nothing_that_is_there(store):
    await remember(store, ANN, TOPICS)
    await asyncio.gather(store.ensure(), store.ensure())
    assert await store.count(ANN) == len(TOPICS)


@every_engine
async def test_search_finds_a_completed_write_at_once(store):
    assert await store.search(ANN, vector_of("cat"), 5) == []
    for number in range(20):
        fact, vector = make_fact(ANN, f"number {number} is remembered"), random_vector(number)
        await store.upsert(ANN, [EmbeddedFact(fact, vector)])
        [hit] = await store.search(ANN, vector, 1)
        assert (hit.id, hit.text, hit.owner, hit.created_at) == (fact.id, fact.text, "user", NOW)
        assert hit.score == pytest.approx(1.0, abs=1e-5)


@every_engine
async def test_search_returns_the_nearest_sorted_by_score_then_id(store):
    rows = [EmbeddedFact(make_fact(ANN, f"fact {number}"), random_vector(number)) for number in range(50)]
    await store.upsert(ANN, rows)
    query = random_vector(99)
    nearest = sorted((-sum(map(operator.mul, query, row.vector)), row.fact.id) for row in rows)
    hits = await store.search(ANN, query, 100)
    assert [hit.id for hit in hits] == [id_ for _, id_ in nearest]
    assert [hit.score for hit in hits] == pytest.approx([-low for low, _ in nearest], abs=1e-5)
    for limit in (1, 2, 10, 49, 50):
        assert [hit.id for hit in await store.search(ANN, query, limit)] == [hit.id for hit in hits[:limit]]
    opposite = [-value for value in rows[0].vector]
    assert (await store.search(ANN, opposite, 100))[-1].score == pytest.approx(-1.0, abs=1e-5)
    assert all(-1 <= hit.score <= 1 for hit in await store.search(ANN, opposite, 100))


@every_engine
async def test_equal_scores_are_ordered_by_id(store):
    facts = [make_fact(ANN, "the same words", id=str(uuid.UUID(int=number))) for number in (9, 3, 7, 1, 5)]
    await store.upsert(ANN, embedded(*facts))
    hits = await store.search(ANN, vector_of("the same words"), 10)
    assert [hit.id for hit in hits] == sorted(fact.id for fact in facts)


@every_engine
async def test_writing_twice_changes_nothing_and_editing_replaces(store):
    [fact] = await remember(store, ANN, ["Ann has a dog"])
    await remember(store, ANN, ["Ann has a dog", "Ann has a dog"])
    assert await store.count(ANN) == 1
    edited = fact.model_copy(update={"text": "Ann has a parrot"})
    await store.upsert(ANN, embedded(edited))
    assert await store.get(ANN, [fact.id]) == [edited]
    assert await store.find(ANN, ["Ann has a dog"]) == []
    [hit] = await store.search(ANN, vector_of("parrot"), 5)
    assert hit.text == "Ann has a parrot"
    await store.upsert(ANN, [])
    assert await store.count(ANN) == 1


@every_engine
async def test_a_fact_comes_back_whole(store):
    facts = [
        make_fact(ANN, "Плачет над «Хатико» 😭🐕‍🦺\nи не стыдится\tэтого", source="chat:2026-11-20 ☂"),
        make_fact(ANN, "quotes \" \\ ' {braces} ${x} <script> %s", owner="character"),
        make_fact(ANN, "e\u0301 is not \u00e9, \ufb01 is not fi", created_at=NOW.astimezone(KATHMANDU)),
        make_fact(
            ANN,
            "likes tea",
            character="Jü Ño",
            pinned=True,
            evidence="tea please",
            invalid_at=NOW,
            superseded_by=str(uuid.uuid4()),
        ),
        make_fact(ANN, "x" * 2_000, source="y" * 4_000, created_at=datetime(1970, 1, 1, tzinfo=UTC)),
    ]
    await store.upsert(ANN, embedded(*facts))
    assert by_id(await store.get(ANN, [fact.id for fact in facts])) == by_id(facts)
    assert await pages(store, ANN, 2, EVERYTHING) == by_id(facts)
    for fact in facts:
        assert await store.find(ANN, [fact.text]) == [fact]
        [first, *_] = await store.search(ANN, vector_of(fact.text), 1, EVERYTHING)
        assert first.model_dump(exclude={"score"}) == fact.model_dump()


@every_engine
async def test_what_no_longer_holds_is_hidden_unless_asked_for(store):
    past = make_fact(ANN, TOPICS[0], invalid_at=NOW)
    present = make_fact(ANN, TOPICS[1])
    await store.upsert(ANN, embedded(past, present))
    query = vector_of(TOPICS[0])
    assert [hit.id for hit in await store.search(ANN, query, 5, pinned=5)] == [present.id]
    assert {hit.id for hit in await store.search(ANN, query, 5, EVERYTHING)} == {past.id, present.id}
    assert await pages(store, ANN, 1) == [present]
    assert await pages(store, ANN, 1, EVERYTHING) == by_id([past, present])
    assert await store.get(ANN, [past.id]) == await store.find(ANN, [past.text]) == [past]
    assert await store.count(ANN) == 2


@every_engine
async def test_what_another_character_knows_is_hidden(store):
    general = make_fact(ANN, "likes tea")
    of = {
        name: make_fact(ANN, "has a secret", id=str(uuid.uuid4()), owner="character", character=name)
        for name in ("Juno", "Marlow", "Жюль")
    }
    await store.upsert(ANN, embedded(general, *of.values()))

    async def seen_by(character: str | None) -> set[str]:
        view = FactView(character=character)
        hits = {hit.id for hit in await store.search(ANN, vector_of("secret"), 10, view, pinned=3)}
        assert hits == {fact.id for fact in await pages(store, ANN, 2, view)}
        return hits

    assert await seen_by("juno ") == {general.id, of["Juno"].id}
    assert await seen_by("ЖЮЛЬ") == {general.id, of["Жюль"].id}
    assert await seen_by("Wren") == await seen_by("") == {general.id}
    assert await seen_by(None) == {general.id, *(fact.id for fact in of.values())}


@every_engine
async def test_pinned_facts_come_along_however_far_they_are(store):
    near = await remember(store, ANN, [f"tea tea tea {number}" for number in range(5)])
    far = [make_fact(ANN, f"moved to Oslo in {year}", pinned=True) for year in (2001, 2002, 2003)]
    await store.upsert(ANN, embedded(*far))
    await store.upsert(BOB, embedded(make_fact(BOB, "moved to Oslo", pinned=True)))
    hits = await store.search(ANN, vector_of("tea tea tea"), 3, pinned=2)
    assert [hit.pinned for hit in hits] == [False] * 3 + [True] * 2
    assert hits == sorted(hits, key=lambda hit: (-hit.score, hit.id))
    everything = await store.search(ANN, vector_of("tea tea tea"), 100, pinned=5)
    assert sorted(hit.id for hit in everything) == sorted(fact.id for fact in [*near, *far])


@every_engine
async def test_annotations_change_all_but_the_text_and_only_the_tenants_facts(store):
    [tea] = await remember(store, ANN, ["likes tea"])
    changed = tea.model_copy(update={"pinned": True, "source": "chat", "invalid_at": NOW})
    await store.annotate(ANN, [])
    await store.annotate(BOB, [changed])
    await store.annotate(ANN, [tea.model_copy(update={"text": "hates tea", "pinned": True})])
    await store.annotate(ANN, [make_fact(ANN, "is not stored")])
    assert await pages(store, ANN, 5, EVERYTHING) == [tea]
    await store.annotate(ANN, [changed])
    [hit] = await store.search(ANN, vector_of("likes tea"), 5, EVERYTHING)
    assert hit.score == pytest.approx(1.0, abs=1e-5)
    assert await store.get(ANN, [tea.id]) == [changed]
    await store.annotate(ANN, [tea])
    assert await store.get(ANN, [tea.id]) == [tea]


@every_archive
async def test_facts_of_many_users_are_loaded_at_once_and_nobodys_are_taken(place, profile):
    store = await place.open(profile)
    [of_ann] = await remember(store, ANN, ["likes tea"])
    rows = [
        (scope, fact) for scope in (ANN, BOB) for text in TOPICS for fact in embedded(make_fact(scope, text))
    ]
    await store.load([])
    await store.load([*rows, (BOB, replace(embedded(of_ann)[0], vector=vector_of("stolen")))])
    for scope, count in ((ANN, len(TOPICS) + 1), (BOB, len(TOPICS))):
        assert await store.count(scope) == count
        [hit] = await store.search(scope, vector_of(TOPICS[1]), 1)
        assert (hit.text, hit.score) == (TOPICS[1], pytest.approx(1.0, abs=1e-5))
    assert (await store.search(ANN, vector_of("likes tea"), 1))[0].id == of_ann.id


@every_archive
async def test_stats_count_facts_and_users_of_a_collection(place, profile):
    store = await place.open(profile)
    await remember(store, ANN, TOPICS)
    await store.upsert(BOB, embedded(make_fact(BOB, "x", pinned=True), make_fact(BOB, "y", invalid_at=NOW)))
    stats = await store.stats(profile.id)
    assert (stats.facts, stats.users, stats.superseded, stats.pinned) == (len(TOPICS) + 2, 2, 1, 1)
    assert len([pair async for pair in store.export(profile.id)]) == stats.facts


@every_engine
async def test_get_returns_what_exists_and_knows_only_canonical_ids(store):
    facts = await remember(store, ANN, TOPICS)
    id_ = facts[0].id
    aliases = [id_.upper(), id_.replace("-", ""), f"{{{id_}}}", f"urn:uuid:{id_}", f" {id_}"]
    strange = ["", "abc", "1", "é", *aliases]
    assert await store.get(ANN, strange) == []
    assert await store.delete(ANN, strange) == 0
    assert await store.get(ANN, []) == []
    assert await store.get(ANN, [str(uuid.uuid4()), id_, id_]) == [facts[0]]


@every_engine
async def test_find_compares_whole_texts(store):
    facts = await remember(store, ANN, TOPICS)
    assert await store.find(ANN, []) == []
    for near in ("Maya", TOPICS[0] + "s", TOPICS[0][:-1], "*", "Maya has a cat called"):
        assert await store.find(ANN, [near]) == []
    assert by_id(await store.find(ANN, [*TOPICS[1:3], "unknown", TOPICS[1]])) == by_id(facts[1:3])
    assert await store.find(ANN, [f" {TOPICS[0].upper()}!"]) == facts[:1]
    twin = make_fact(ANN, TOPICS[1], id=str(uuid.uuid4()), owner="character")
    await store.upsert(ANN, embedded(twin))
    assert by_id(await store.find(ANN, [TOPICS[1]])) == by_id([facts[1], twin])


@every_engine
async def test_paging_visits_everything_once_in_order_of_id(store):
    assert await store.page(ANN, None, 5) == await store.page(ANN, str(uuid.uuid4()), 5)
    facts = by_id(await remember(store, ANN, [f"fact {number}" for number in range(12)]))
    await remember(store, BOB, [f"fact {number}" for number in range(30)])
    for limit in (1, 2, 3, 4, 5, 6, 11, 12, 13, 100):
        assert await pages(store, ANN, limit) == facts
    full = await store.page(ANN, None, 12)
    assert full.next is None
    assert (await store.page(ANN, facts[-1].id, 3)).facts == ()
    first = await store.page(ANN, None, 4)
    await store.delete(ANN, [first.next])
    assert (await store.page(ANN, first.next, 100)).facts == tuple(facts[4:])
    with pytest.raises(InvalidInput) as caught:
        await store.page(ANN, "not a cursor", 4)
    assert caught.value.field == "after"


@every_engine
async def test_more_facts_than_one_request_of_the_engine_carries(store):
    texts = [f"fact {number}" for number in range(1_030)]
    facts = by_id(await remember(store, ANN, texts))
    assert await store.count(ANN) == 1_030
    assert by_id(await store.get(ANN, [fact.id for fact in facts])) == facts
    assert by_id(await store.find(ANN, texts)) == facts
    assert await pages(store, ANN, 400) == facts
    assert await store.delete(ANN, [fact.id for fact in facts[:1_010]]) == 1_010
    assert await store.delete_all(ANN) == 20


@every_engine
async def test_deleting_counts_what_existed_and_nothing_is_found_afterwards(store):
    facts = await remember(store, ANN, TOPICS)
    gone, kept = facts[:2], facts[2:]
    assert await store.delete(ANN, []) == 0
    assert await store.delete(ANN, [str(uuid.uuid4()), *(fact.id for fact in gone), gone[0].id]) == 2
    assert await store.delete(ANN, [fact.id for fact in gone]) == 0
    assert by_id(await store.get(ANN, [fact.id for fact in facts])) == by_id(kept)
    assert await store.delete_all(ANN) == 2
    assert await store.delete_all(ANN) == 0
    assert await store.search(ANN, vector_of(TOPICS[2]), 5) == []
    assert await store.find(ANN, TOPICS) == []
    assert await store.page(ANN, None, 5) == await store.page(BOB, None, 5)
    assert await remember(store, ANN, TOPICS) == facts
    assert await store.count(ANN) == len(TOPICS)


@every_engine
@pytest.mark.parametrize(
    "vector",
    [
        [],
        [1.0],
        [0.1] * 63,
        [0.1] * 65,
        [math.nan] + [0.0] * 63,
        [0.0] * 63 + [math.inf],
        [-math.inf] + [0.0] * 63,
        [1e39] + [0.0] * 63,
    ],
    ids=["empty", "one", "short", "long", "nan", "inf", "-inf", "beyond 32 bits"],
)
async def test_vectors_that_cannot_be_compared_are_refused_before_the_engine(store, vector):
    good, bad = make_fact(ANN, "good"), make_fact(ANN, "bad")
    with pytest.raises(InvalidInput) as caught:
        await store.search(ANN, vector, 3)
    assert caught.value.field == "vector"
    with pytest.raises(InvalidInput) as caught:
        await store.upsert(ANN, [*embedded(good), EmbeddedFact(bad, vector)])
    assert caught.value.field == "vector"
    assert await store.count(ANN) == 0


@every_engine
async def test_a_fact_needs_a_canonical_id(store):
    with pytest.raises(InvalidInput) as caught:
        await store.upsert(ANN, embedded(make_fact(ANN, "x", id="7")))
    assert caught.value.field == "id"


@every_archive
async def test_facts_of_another_embedder_are_exported_with_their_owners_and_dropped(place, profile):
    old = await place.open(replace(profile, id=f"{profile.id}-old"))
    expected = [(scope, fact) for scope in (ANN, BOB) for fact in await remember(old, scope, TOPICS)]
    if place.engine == "edge":
        await old.close()
    new = await place.open(replace(profile, dimension=8))
    assert f"{profile.id}-old" in await new.stale_profiles()
    assert profile.id not in await new.stale_profiles()
    exported = [pair async for pair in new.export(f"{profile.id}-old")]
    assert sorted(exported, key=lambda pair: pair[1].id) == sorted(expected, key=lambda pair: pair[1].id)
    assert await new.count(ANN) == 0
    await new.drop(f"{profile.id}-old")
    assert f"{profile.id}-old" not in await new.stale_profiles()


@every_archive
async def test_a_user_or_a_fact_is_forgotten_in_the_collections_of_other_embedders_too(place, profile):
    old = await place.open(replace(profile, id=f"{profile.id}-old"))
    facts = {scope: await remember(old, scope, TOPICS) for scope in (ANN, BOB)}
    if place.engine == "edge":
        await old.close()
    new = await place.open(profile)
    await remember(new, ANN, TOPICS)
    gone = facts[BOB][0].id
    await new.forget(BOB, [gone])
    await new.forget(ANN)
    left = [(scope, fact.id) async for scope, fact in new.export(f"{profile.id}-old")]
    assert sorted(left, key=lambda pair: pair[1]) == sorted(
        ((BOB, fact.id) for fact in facts[BOB] if fact.id != gone), key=lambda pair: pair[1]
    )
    assert await new.count(ANN) == len(TOPICS)


@every_archive
async def test_only_other_profiles_are_exported_or_dropped(place, profile):
    store = await place.open(profile)
    await remember(store, ANN, TOPICS)
    for name in (profile.id, "unknown", "", ".", "..", "../facts", f"{profile.id}/segments", "*"):
        with pytest.raises(NotFound):
            await store.drop(name)
        if name == profile.id:
            continue
        with pytest.raises(NotFound):
            [pair async for pair in store.export(name)]
        with pytest.raises(NotFound):
            await store.stats(name)
    assert await store.count(ANN) == len(TOPICS)
