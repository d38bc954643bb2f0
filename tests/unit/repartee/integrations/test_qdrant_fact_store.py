"""The server adapter: a tenant in every request, every vendor error translated, no race at the start."""

import asyncio
import inspect
import json
import socket
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import grpc
import httpx
import pytest
import qdrant_client.common.client_exceptions
import qdrant_client.http.exceptions
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from repartee.application.ports import FactStore
from repartee.domain.errors import (
    ConfigurationError,
    UpstreamError,
    UpstreamInvalid,
    UpstreamMisconfigured,
    UpstreamOutOfCredits,
    UpstreamRateLimited,
    UpstreamRefusedRequest,
    UpstreamTimeout,
    UpstreamUnavailable,
    UpstreamUnreachable,
)
from repartee.domain.fact import FactView, TenantScope
from repartee.integrations import qdrant_fact_store as module
from repartee.integrations.qdrant_errors import VENDOR_ERRORS, translated_qdrant_error
from repartee.integrations.qdrant_fact_store import QdrantFactStore, make_qdrant_client
from repartee.integrations.transport import Upstream
from tests.contract.test_fact_store import (
    ANN,
    BOB,
    TOPICS,
    assert_isolated,
    embedded,
    make_fact,
    pages,
    remember,
)
from tests.fakes import FAKE_PROFILE, FakeTelemetry
from tests.fakes import _bag_of_words as vector_of

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local:UserWarning")

COLLECTION = f"facts__{FAKE_PROFILE.id}"
SECRET = "Ann-is-afraid-of-the-dark"


@pytest.fixture
def telemetry() -> FakeTelemetry:
    return FakeTelemetry()


def store_on(client: Any, telemetry: FakeTelemetry, profile: Any = FAKE_PROFILE) -> QdrantFactStore:
    return QdrantFactStore(client, profile, Upstream("store", telemetry), telemetry, "http://qdrant:6333")


@pytest.fixture
async def client() -> AsyncIterator[AsyncQdrantClient]:
    client = AsyncQdrantClient(":memory:")
    yield client
    await client.close()


@pytest.fixture
async def store(client, telemetry) -> QdrantFactStore:
    store = store_on(client, telemetry)
    await store.ensure()
    return store


class SpyClient:
    """Lets through what the store may ask for, and notes the arguments of every request by name."""

    def __init__(self, client: AsyncQdrantClient, before: Callable[[str], Any] = lambda _: None) -> None:
        self.client = client
        self.before = before
        self.requests: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)

        async def noted(*values: Any, **named: Any) -> Any:
            self.requests.append((name, inspect.signature(method).bind(*values, **named).arguments))
            waiting = self.before(name)
            if inspect.isawaitable(waiting):
                await waiting
            return await method(*values, **named)

        return noted

    def asked(self, name: str) -> list[dict[str, Any]]:
        return [arguments for asked, arguments in self.requests if asked == name]


# --- every request carries the tenant -----------------------------------------------------------------

FILTERS = {
    "query_batch_points": lambda arguments: [request.filter for request in arguments["requests"]],
    "scroll": lambda arguments: [arguments["scroll_filter"]],
    "count": lambda arguments: [arguments["count_filter"]],
    "upsert": lambda arguments: [arguments["update_filter"]],
    "overwrite_payload": lambda arguments: [arguments["points"].filter],
    "delete": lambda arguments: [arguments["points_selector"].filter],
}


@pytest.mark.parametrize("user_id", ["a", "A", "a.b", "a|b", "0", "user@example.org"])
async def test_every_request_to_the_server_carries_exactly_the_tenant(store, client, telemetry, user_id):
    spy = SpyClient(client)
    store, scope = store_on(spy, telemetry), TenantScope(user_id)
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
    for name, call in calls.items():
        spy.requests.clear()
        await call()
        assert spy.requests, name
        for asked, arguments in spy.requests:
            tenant = models.FieldCondition(key="user_id", match=models.MatchValue(value=user_id))
            for owned in FILTERS[asked](arguments):
                assert owned.must[0] == tenant
                assert (owned.should, owned.min_should) == (None, None)  # `must_not` can only hide more
            written = arguments.get("points", []) if asked == "upsert" else []
            for payload in [*(point.payload for point in written), arguments.get("payload")]:
                assert payload is None or payload["user_id"] == user_id


async def test_without_the_tenant_in_the_filter_the_isolation_check_fails(store, monkeypatch):
    monkeypatch.setattr(module, "_owned_by", lambda _, *conditions: models.Filter(must=list(conditions)))
    with pytest.raises(AssertionError):
        await assert_isolated(store)


async def test_without_the_tenant_in_the_filter_foreign_facts_are_dropped_and_counted(
    store, telemetry, monkeypatch
):
    ids = sorted(fact.id for fact in await remember(store, ANN, TOPICS))
    everyone = ids + [fact.id for fact in await remember(store, BOB, TOPICS)]
    monkeypatch.setattr(module, "_owned_by", lambda _, *conditions: models.Filter(must=list(conditions)))
    assert sorted(hit.id for hit in await store.search(ANN, vector_of("cat"), 100)) == ids
    assert sorted(fact.id for fact in await store.get(ANN, everyone)) == ids
    assert sorted(fact.id for fact in await store.find(ANN, TOPICS)) == ids
    assert sorted(fact.id for fact in await pages(store, ANN, 3)) == ids
    assert telemetry.left_out == ["foreign_fact"] * len(TOPICS) * 4


# --- what is asked of the server ----------------------------------------------------------------------


async def test_writes_wait_and_deletions_are_strongly_ordered(store, client, telemetry):
    spy = SpyClient(client)
    store = store_on(spy, telemetry)
    facts = await remember(store, ANN, [f"fact {number}" for number in range(600)])
    assert [len(arguments["points"]) for arguments in spy.asked("upsert")] == [256, 256, 88]
    assert all(arguments["wait"] is True for arguments in spy.asked("upsert"))
    await store.delete(ANN, [facts[0].id])
    await store.delete_all(ANN)
    assert len(spy.asked("delete")) == 2
    for arguments in spy.asked("delete"):
        assert arguments["wait"] is True
        assert arguments["ordering"] is models.WriteOrdering.STRONG
    assert all(arguments["exact"] is True for arguments in spy.asked("count"))


async def test_facts_left_after_a_deletion_are_an_error(store, monkeypatch):
    async def nothing(*_: Any, **__: Any) -> None:
        pass

    await remember(store, ANN, TOPICS)
    monkeypatch.setattr(store._client, "delete", nothing)
    with pytest.raises(UpstreamUnavailable, match="left after the deletion"):
        await store.delete_all(ANN)


async def test_the_collection_has_a_tenant_graph_and_an_index_for_each_filter(client, telemetry):
    spy = SpyClient(client)
    await store_on(spy, telemetry).ensure()
    [created] = spy.asked("create_collection")
    assert created["vectors_config"] == models.VectorParams(size=64, distance=models.Distance.COSINE)
    assert (created["hnsw_config"].m, created["hnsw_config"].payload_m) == (0, 16)
    indexes = {
        arguments["field_name"]: arguments["field_schema"] for arguments in spy.asked("create_payload_index")
    }
    assert indexes.keys() == {"user_id", "text_key", "character_key", "is_pinned", "is_superseded"}
    assert indexes["user_id"].is_tenant is True
    assert indexes["text_key"].on_disk is True
    assert [indexes[name].enable_hnsw for name in indexes if name != "user_id"] == [False] * 4


# --- the start ----------------------------------------------------------------------------------------


async def test_replicas_that_start_at_once_make_one_collection(client, telemetry):
    arrived = asyncio.Barrier(5)

    def together(name: str) -> Any:
        return arrived.wait() if name == "create_collection" else None

    spy = SpyClient(client, before=together)
    stores = [store_on(spy, telemetry) for _ in range(5)]
    await asyncio.gather(*(store.ensure() for store in stores))
    assert len(spy.asked("create_collection")) == 5
    await remember(stores[0], ANN, TOPICS)
    assert [await store.count(ANN) for store in stores] == [len(TOPICS)] * 5


async def test_a_creation_that_fails_is_an_error(client, telemetry):
    def refuse(name: str) -> None:
        if name == "create_collection":
            raise unexpected(403)

    with pytest.raises(UpstreamMisconfigured, match="403"):
        await store_on(SpyClient(client, before=refuse), telemetry).ensure()


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (models.VectorParams(size=384, distance=models.Distance.COSINE), r"384 numbers \(Cosine\).* 64"),
        (models.VectorParams(size=64, distance=models.Distance.DOT), r"64 numbers \(Dot\).* 64 \(Cosine\)"),
        ({"text": models.VectorParams(size=64, distance=models.Distance.COSINE)}, "another kind"),
    ],
    ids=["dimension", "distance", "named"],
)
async def test_a_collection_of_other_vectors_is_refused(client, telemetry, vectors, message):
    await client.create_collection(COLLECTION, vectors_config=vectors)
    with pytest.raises(ConfigurationError, match=message):
        await store_on(client, telemetry).ensure()


async def test_a_collection_that_vanishes_is_made_again_once(store, client, telemetry):
    await remember(store, ANN, TOPICS)
    await client.delete_collection(COLLECTION)
    assert await store.search(ANN, vector_of("cat"), 5) == []
    assert telemetry.left_out == ["missing_collection"]
    await remember(store, ANN, TOPICS)
    assert await store.count(ANN) == len(TOPICS)


async def test_a_collection_that_never_comes_is_an_error_not_a_loop(client, telemetry):
    spy = SpyClient(client, before=lambda name: raise_(unexpected(404)) if name == "count" else None)
    store = store_on(spy, telemetry)
    with pytest.raises(UpstreamMisconfigured, match="404"):
        await store.count(ANN)
    assert len(spy.asked("count")) == 2
    assert len(spy.asked("create_collection")) == 1


async def test_a_transient_failure_is_tried_once_more(store, client, telemetry):
    failures = [unexpected(503)]
    spy = SpyClient(client, before=lambda name: raise_(failures.pop()) if failures else None)
    await remember(store_on(spy, telemetry), ANN, TOPICS)
    assert telemetry.upstreams[-2:] == [("store", "upstream_unavailable"), ("store", "ok")]
    assert await store.count(ANN) == len(TOPICS)


def raise_(error: Exception) -> None:
    raise error


# --- names and addresses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("http://localhost:6333", "Qdrant at http://localhost:6333"),
        (
            "https://ann:s3cret@qdrant.example.org:6333/path?api_key=s3cret",
            "Qdrant at https://qdrant.example.org:6333",
        ),
        (":memory:", "Qdrant at :memory:"),
    ],
)
def test_the_name_holds_no_secret(client, telemetry, place, name):
    store = QdrantFactStore(client, FAKE_PROFILE, Upstream("store", telemetry), telemetry, place)
    assert store.name == name


@pytest.mark.parametrize(
    "url", ["ftp://s3cret@host", "http://[::1", "http://exa mple:6333", "http://host:99999999"]
)
def test_an_address_that_cannot_be_used_is_a_configuration_error(url):
    with pytest.raises(ConfigurationError) as caught:
        make_qdrant_client(url, None, 2, prefer_grpc=False)
    assert "REPARTEE_QDRANT__URL" in caught.value.message
    assert url not in caught.value.message


def test_a_key_that_no_header_carries_is_a_configuration_error():
    key = "кл" + "юч"
    with pytest.raises(ConfigurationError) as caught:
        make_qdrant_client("https://host:6333", key, 2, prefer_grpc=False)
    assert key not in "".join(traceback.format_exception(caught.value))


# --- errors -------------------------------------------------------------------------------------------


def unexpected(status: int, headers: dict[str, str] | None = None) -> UnexpectedResponse:
    return UnexpectedResponse(status, "", SECRET.encode(), httpx.Headers(headers or {}))


def rpc_error(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(code, nothing, nothing, details=SECRET)


GRPC_MEANINGS = {
    grpc.StatusCode.OK: UpstreamInvalid,
    grpc.StatusCode.CANCELLED: UpstreamUnreachable,
    grpc.StatusCode.UNKNOWN: UpstreamUnavailable,
    grpc.StatusCode.INVALID_ARGUMENT: UpstreamRefusedRequest,
    grpc.StatusCode.DEADLINE_EXCEEDED: UpstreamTimeout,
    grpc.StatusCode.NOT_FOUND: UpstreamMisconfigured,
    grpc.StatusCode.ALREADY_EXISTS: UpstreamRefusedRequest,
    grpc.StatusCode.PERMISSION_DENIED: UpstreamMisconfigured,
    grpc.StatusCode.RESOURCE_EXHAUSTED: UpstreamRateLimited,
    grpc.StatusCode.FAILED_PRECONDITION: UpstreamRefusedRequest,
    grpc.StatusCode.ABORTED: UpstreamUnavailable,
    grpc.StatusCode.OUT_OF_RANGE: UpstreamRefusedRequest,
    grpc.StatusCode.UNIMPLEMENTED: UpstreamMisconfigured,
    grpc.StatusCode.INTERNAL: UpstreamUnavailable,
    grpc.StatusCode.UNAVAILABLE: UpstreamUnreachable,
    grpc.StatusCode.DATA_LOSS: UpstreamUnavailable,
    grpc.StatusCode.UNAUTHENTICATED: UpstreamMisconfigured,
}


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_every_grpc_code_has_a_meaning(code):
    error = translated_qdrant_error("store", rpc_error(code))
    assert isinstance(error, GRPC_MEANINGS[code])
    assert error.dependency == "store"
    assert code.name in error.message


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (unexpected(204), UpstreamInvalid),
        (unexpected(301), UpstreamMisconfigured),
        (unexpected(400), UpstreamRefusedRequest),
        (unexpected(401), UpstreamMisconfigured),
        (unexpected(402), UpstreamOutOfCredits),
        (unexpected(403), UpstreamMisconfigured),
        (unexpected(404), UpstreamMisconfigured),
        (unexpected(408), UpstreamTimeout),
        (unexpected(409), UpstreamRefusedRequest),
        (unexpected(413), UpstreamRefusedRequest),
        (unexpected(422), UpstreamRefusedRequest),
        (unexpected(429), UpstreamRateLimited),
        (unexpected(500), UpstreamUnavailable),
        (unexpected(502), UpstreamUnavailable),
        (unexpected(503), UpstreamUnavailable),
        (unexpected(504), UpstreamUnavailable),
        (UnexpectedResponse(None, "", b"", httpx.Headers()), UpstreamInvalid),
        (ResourceExhaustedResponse(SECRET, 7), UpstreamRateLimited),
        (ResponseHandlingException(httpx.ConnectError(SECRET)), UpstreamUnreachable),
        (ResponseHandlingException(httpx.ConnectTimeout(SECRET)), UpstreamTimeout),
        (ResponseHandlingException(httpx.ReadTimeout(SECRET)), UpstreamTimeout),
        (ResponseHandlingException(httpx.RemoteProtocolError(SECRET)), UpstreamUnreachable),
        (ResponseHandlingException(httpx.DecodingError(SECRET)), UpstreamInvalid),
        (ResponseHandlingException(RuntimeError("client has been closed")), UpstreamUnreachable),
        (ResponseHandlingException(ValueError(f"{SECRET}: Collection x not found")), UpstreamInvalid),
        (ResponseHandlingException(KeyError(SECRET)), UpstreamInvalid),
        (grpc.RpcError(SECRET), UpstreamUnreachable),
        (grpc.aio.UsageError("Channel is closed."), UpstreamUnreachable),
        (grpc.aio.InternalError(SECRET), UpstreamUnreachable),
        (TimeoutError(), UpstreamTimeout),
        (ConnectionResetError(), UpstreamUnreachable),
        (AssertionError("Search returned None"), UpstreamInvalid),
        (ValueError("Collection facts__x not found"), UpstreamMisconfigured),
    ],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'status_code', '')}".strip(),
)
def test_every_other_error_has_a_meaning(error, meaning):
    translated = translated_qdrant_error("store", error)
    assert type(translated) is meaning or (
        meaning is UpstreamMisconfigured and isinstance(translated, meaning)
    )
    assert SECRET not in translated.message


def test_a_wait_that_the_server_asks_for_is_kept():
    assert translated_qdrant_error("store", ResourceExhaustedResponse("", 7)).retry_after == 7.0
    assert translated_qdrant_error("store", unexpected(429, {"Retry-After": "9"})).retry_after == 9.0


def test_no_error_of_the_vendors_is_left_unmapped():
    vendors = [qdrant_client.http.exceptions, qdrant_client.common.client_exceptions, httpx, grpc, grpc.aio]
    # httpx's are for streams and cookies, grpc's for futures that block: the client uses none of them
    unused = {
        httpx.CookieConflict,
        httpx.StreamError,
        grpc.FutureTimeoutError,
        grpc.FutureCancelledError,
    }
    for vendor in vendors:
        for name, kind in vars(vendor).items():
            if isinstance(kind, type) and issubclass(kind, Exception) and kind not in unused:
                assert issubclass(kind, VENDOR_ERRORS), f"{vendor.__name__}.{name}"


async def test_a_bug_is_not_taken_for_an_error_of_the_server(client, telemetry):
    spy = SpyClient(client, before=lambda _: raise_(TypeError("a bug")))
    with pytest.raises(TypeError):
        await store_on(spy, telemetry).count(ANN)


# --- over the wire ------------------------------------------------------------------------------------


def rest_store(
    answer: Callable[[httpx.Request], httpx.Response], telemetry: FakeTelemetry
) -> QdrantFactStore:
    client = AsyncQdrantClient(
        "http://qdrant.test:6333", check_compatibility=False, transport=httpx.MockTransport(answer)
    )
    return store_on(client, telemetry)


@pytest.mark.parametrize(
    ("response", "meaning"),
    [
        (httpx.Response(200, json={}), UpstreamInvalid),
        (httpx.Response(200, json={"result": None, "status": "ok", "time": 0}), UpstreamInvalid),
        (httpx.Response(200, json={"result": {"points": [{"id": 1, "text": SECRET}]}}), UpstreamInvalid),
        (httpx.Response(200, content=b"<html>" + SECRET.encode()), UpstreamInvalid),
        (httpx.Response(200, content=b'{"result": {"poi'), UpstreamInvalid),
        (httpx.Response(301, headers={"location": "http://elsewhere.test/"}), UpstreamMisconfigured),
        (httpx.Response(400, json={"status": {"error": SECRET}}), UpstreamRefusedRequest),
        (httpx.Response(401), UpstreamMisconfigured),
        (
            httpx.Response(429, headers={"retry-after": "100"}, json={"status": {"error": ""}}),
            UpstreamRateLimited,
        ),
        (httpx.Response(500, content=SECRET.encode()), UpstreamUnavailable),
    ],
    ids=lambda value: str(value.status_code) if isinstance(value, httpx.Response) else "",
)
async def test_what_rest_answers_is_translated_and_never_quoted(telemetry, response, meaning):
    store = rest_store(lambda _: response, telemetry)
    with pytest.raises(meaning) as caught:
        await store.search(ANN, vector_of("x"), 3)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    await store.close()


async def test_points_of_others_in_an_answer_are_dropped_and_counted(telemetry):
    payload = {"owner": "user", "text": "x", "created_at": "2026-01-01T00:00:00Z", "source": ""}
    points = [
        {"id": make_fact(ANN, f"{n}").id, "version": 1, "score": 0.9, "payload": payload | {"user_id": owner}}
        for n, owner in enumerate(["ann", "bob", ["ann"], None])
    ]
    store = rest_store(lambda _: httpx.Response(200, json={"result": [{"points": points}]}), telemetry)
    [hit] = await store.search(ANN, vector_of("x"), 5)
    assert hit.id == points[0]["id"]
    assert telemetry.left_out == ["foreign_fact"] * 3
    await store.close()


async def test_rest_requests_carry_the_tenant_in_their_body(telemetry):
    bodies = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(200, json={"result": [{"points": []}]})

    store = rest_store(answer, telemetry)
    await store.search(TenantScope("a|b"), vector_of("x"), 5)
    [request] = bodies[0]["searches"]
    assert request["filter"]["must"] == [{"key": "user_id", "match": {"value": "a|b"}}]
    await store.close()


@pytest.mark.parametrize("prefer_grpc", [True, False], ids=["grpc", "rest"])
async def test_a_server_that_is_not_there_is_unreachable(telemetry, prefer_grpc, unused_tcp_port):
    url = f"http://127.0.0.1:{unused_tcp_port}"
    client = make_qdrant_client(url, None, 2, prefer_grpc=prefer_grpc, grpc_port=unused_tcp_port)
    store = store_on(client, telemetry)
    for call in (store.ensure, store.check, lambda: store.count(ANN)):
        with pytest.raises(UpstreamUnreachable):
            await call()
    await store.close()
    with pytest.raises(UpstreamError):
        await store.count(ANN)


@pytest.mark.parametrize("prefer_grpc", [True, False], ids=["grpc", "rest"])
async def test_a_server_that_never_answers_is_timed_out(telemetry, prefer_grpc):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connects, and that is all
        port = silent.getsockname()[1]
        client = make_qdrant_client(
            f"http://127.0.0.1:{port}", None, 1, prefer_grpc=prefer_grpc, grpc_port=port
        )
        once = Upstream("store", telemetry, attempts=1)
        store = QdrantFactStore(client, FAKE_PROFILE, once, telemetry, "here")
        with pytest.raises(UpstreamTimeout):
            await store.count(ANN)
        await store.close()


async def test_a_server_that_drips_its_answer_is_timed_out(telemetry):
    drips = []

    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        drips.append(asyncio.current_task())
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        client = make_qdrant_client(url, None, 1, prefer_grpc=False)
        once = Upstream("store", telemetry, attempts=1)
        store = QdrantFactStore(client, FAKE_PROFILE, once, telemetry, "here", call_seconds=0.1)
        for call in (lambda: store.count(ANN), store.ensure, store.stale_profiles):
            async with asyncio.timeout(5.0):
                with pytest.raises(UpstreamTimeout):
                    await call()
        await store.close()
        await asyncio.wait(drips, timeout=5.0)


async def test_profiles_are_told_by_the_names_of_their_collections(store, client, telemetry):
    for name in ("facts__b", "facts__a", "facts__", "other", "xfacts__c"):
        await client.create_collection(name, models.VectorParams(size=4, distance=models.Distance.COSINE))
    assert await store.stale_profiles() == ["a", "b"]
    other = store_on(client, telemetry, replace(FAKE_PROFILE, id="a", dimension=4))
    assert await other.stale_profiles() == ["b", FAKE_PROFILE.id]


@pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning")
@pytest.mark.parametrize(
    ("shards", "replication", "expected"),
    [(None, None, (None, None, None)), (6, 2, (6, 2, 2)), (3, 3, (3, 3, 2)), (1, 1, (1, 1, 1))],
)
async def test_a_cluster_gets_the_layout_and_a_write_waits_for_most_copies(
    client, telemetry, shards, replication, expected
):
    spy = SpyClient(client)
    upstream = Upstream("store", telemetry)
    store = QdrantFactStore(
        spy, FAKE_PROFILE, upstream, telemetry, "spy", shards=shards, replication=replication
    )
    await store.ensure()
    made = spy.asked("create_collection")[0]
    assert (made["shard_number"], made["replication_factor"], made["write_consistency_factor"]) == expected


@pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning")
@pytest.mark.parametrize(
    ("vectors", "expected"),
    [
        ("float32", (None, None, None)),
        ("float16", (models.Datatype.FLOAT16, None, None)),
        ("int8", (None, True, models.ScalarType.INT8)),
    ],
)
async def test_a_collection_keeps_its_vectors_as_the_setting_says(client, telemetry, vectors, expected):
    spy = SpyClient(client)
    store = QdrantFactStore(spy, FAKE_PROFILE, Upstream("store", telemetry), telemetry, "spy", vectors)
    await store.ensure()
    made = spy.asked("create_collection")[0]["vectors_config"]
    int8 = made.quantization_config and made.quantization_config.scalar.type
    assert (made.datatype, made.on_disk, int8) == expected
    await remember(store, ANN, TOPICS)
    await store.search(ANN, vector_of("cat"), 2)
    [searched] = spy.asked("query_batch_points")
    params = searched["requests"][0].params
    assert (params.quantization.rescore if params else None) == (True if vectors == "int8" else None)
