"""Facts on a Qdrant server or cluster: one collection per embedder profile, a user is a tenant in it.

The collection has no global graph (`m=0`), only one per tenant (`payload_m=16`): a search without a tenant
would be slow and wrong, besides being forbidden. The fields that filters name are indexed, because Qdrant
Cloud refuses filters on others.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import chain
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from qdrant_client import AsyncQdrantClient, models

from repartee.application.ports import (
    CollectionStats,
    EmbeddedFact,
    EmbedderProfile,
    FactArchive,
    FactPage,
    FactStore,
    Telemetry,
    Vector,
)
from repartee.domain.errors import ConfigurationError, NotFound, UpstreamUnavailable
from repartee.domain.fact import Fact, FactView, RetrievedFact, TenantScope, character_key, text_key
from repartee.integrations.fact_payload import (
    CHARACTER_KEY,
    OWNER_KEY,
    PINNED_KEY,
    SUPERSEDED_KEY,
    TEXT_KEY,
    YES,
    FactReader,
    VectorKind,
    checked_id,
    checked_vector,
    collection_name,
    known_ids,
    payload_of,
    profile_of,
)
from repartee.integrations.qdrant_errors import VENDOR_ERRORS, CollectionMissing, translated_qdrant_error
from repartee.integrations.qdrant_search import FoundPoint, QdrantSearch
from repartee.integrations.transport import Upstream

_BATCH: Final = 256
_WRITERS: Final = 4
_MOST_USERS: Final = 100_000_000
_CURRENT: Final = FactView()
_CREATION_SECONDS: Final = 30

T = TypeVar("T")


def make_qdrant_client(
    url: str, api_key: str | None, timeout: int, *, prefer_grpc: bool, grpc_port: int = 6334
) -> AsyncQdrantClient:
    """Return a client without proxies that is soon back after an outage. `timeout` is seconds per call."""
    try:
        return AsyncQdrantClient(
            url=url,
            api_key=api_key,
            timeout=timeout,
            prefer_grpc=prefer_grpc,
            grpc_port=grpc_port,
            grpc_options={
                "grpc.enable_http_proxy": 0,
                "grpc.initial_reconnect_backoff_ms": 200,
                "grpc.max_reconnect_backoff_ms": 2_000,
            },
            trust_env=False,
            check_compatibility=False,
        )
    except ValueError:
        raise ConfigurationError(
            "REPARTEE_QDRANT__URL or its API key cannot be used: a URL looks like http://localhost:6333"
        ) from None


class QdrantFactStore(FactStore, FactArchive):
    """The index of facts on the server behind `client`. `place` is its URL, for people to read.

    `vectors` is how a new collection keeps them. With int8 the small ones stay in memory and the originals on
    disk; the nearest are scored again by the originals, so that the threshold keeps its meaning.
    """

    def __init__(
        self,
        client: AsyncQdrantClient,
        profile: EmbedderProfile,
        upstream: Upstream,
        telemetry: Telemetry,
        place: str,
        vectors: VectorKind = "float32",
        shards: int | None = None,
        replication: int | None = None,
        search: QdrantSearch | None = None,
        call_seconds: float = _CREATION_SECONDS,
    ) -> None:
        """With `search` the search of a reply goes there, else through the client.

        `call_seconds` bounds a request as a whole: over REST the client's own limit is one for each read.
        """
        self._call_seconds = call_seconds
        self._lean_search = search
        self._vectors = vectors
        self._shards = shards
        self._replication = replication
        self._client = client
        self._profile = profile
        self._collection = collection_name(profile.id)
        self._upstream = upstream
        self._telemetry = telemetry
        self._reader = FactReader(telemetry)
        self._search_params = _RESCORED if vectors == "int8" else None
        self._place = place

    @property
    def name(self) -> str:
        """Engine and address, without the credentials that a URL may hold."""
        parts = urlsplit(self._place)
        address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else self._place
        return f"Qdrant at {address}"

    async def ensure(self) -> None:
        """Create the collection and its indexes where they are missing. Raises ConfigurationError."""
        await self._upstream.call(lambda: self._translated(self._made, 2 * _CREATION_SECONDS))

    async def close(self) -> None:
        """Close the connections."""
        if self._lean_search:
            await self._lean_search.close()
        await self._client.close()

    async def check(self) -> None:
        """Raise UpstreamError if the server does not answer."""
        await self._call(lambda: self._client.collection_exists(self._collection))

    async def search(
        self, scope: TenantScope, vector: Vector, limit: int, view: FactView = _CURRENT, *, pinned: int = 0
    ) -> list[RetrievedFact]:
        """Return the nearest facts of the view, and up to `pinned` pinned ones, best first."""
        nearest = checked_vector(self._profile, vector)
        if self._lean_search:
            found = await self._searched(self._lean_search, scope, nearest, (limit, pinned), view)
            return self._reader.retrieved(scope, found)

        def request(size: int, *conditions: models.FieldCondition) -> models.QueryRequest:
            visible = _visible(scope, view, *conditions)
            return models.QueryRequest(
                query=nearest, filter=visible, limit=size, with_payload=True, params=self._search_params
            )

        requests = [request(limit)]
        if pinned:
            requests.append(request(pinned, _IS_PINNED))
        answers = await self._call(lambda: self._client.query_batch_points(self._collection, requests))
        return self._reader.retrieved(scope, chain.from_iterable(answer.points for answer in answers))

    async def _searched(
        self,
        search: QdrantSearch,
        scope: TenantScope,
        nearest: Vector,
        limits: tuple[int, int],
        view: FactView,
    ) -> Sequence[FoundPoint]:
        params = _RESCORED_AS_JSON if self._search_params else None
        return await self._with_collection(
            lambda: search(self._collection, scope, view, nearest, limits, params)
        )

    async def upsert(self, scope: TenantScope, facts: Sequence[EmbeddedFact]) -> None:
        """Write facts by id and wait for it. A point that belongs to another user is left as it is."""
        points = [
            models.PointStruct(
                id=checked_id(embedded.fact.id, "id"),
                vector=checked_vector(self._profile, embedded.vector),
                payload=payload_of(scope, embedded.fact),
            )
            for embedded in facts
        ]
        for start in range(0, len(points), _BATCH):
            await self._write(scope, points[start : start + _BATCH])

    async def annotate(self, scope: TenantScope, facts: Sequence[Fact]) -> None:
        """Rewrite all but the vectors of facts that exist and say the same, and wait for it."""
        for fact in facts:
            same_id = models.HasIdCondition(has_id=[checked_id(fact.id, "id")])
            await self._rewrite(_owned_by(scope, same_id, _says(fact.text)), payload_of(scope, fact))

    async def load(self, rows: Sequence[tuple[TenantScope, EmbeddedFact]]) -> None:
        """Write facts of many users by id, several users at a time, and wait for all of it."""
        by_tenant: dict[TenantScope, list[EmbeddedFact]] = defaultdict(list)
        for scope, embedded in rows:
            by_tenant[scope].append(embedded)
        tenants = list(by_tenant.items())
        for start in range(0, len(tenants), _WRITERS):
            await asyncio.gather(*(self.upsert(*tenant) for tenant in tenants[start : start + _WRITERS]))

    async def get(self, scope: TenantScope, ids: Sequence[str]) -> list[Fact]:
        """Return those of the facts that exist."""
        return await self._matching(scope, models.HasIdCondition(has_id=list(known_ids(ids))))

    async def find(self, scope: TenantScope, texts: Sequence[str]) -> list[Fact]:
        """Return the facts that say the same as one of `texts`."""
        return await self._matching(scope, _says(*texts)) if texts else []

    async def page(
        self, scope: TenantScope, after: str | None, limit: int, view: FactView = _CURRENT
    ) -> FactPage:
        """Return up to `limit` facts of the view whose id comes after the cursor."""
        offset = None if after is None else checked_id(after, "after")
        points, _ = await self._scroll(self._collection, _visible(scope, view), offset, limit + 2)
        return self._reader.page(scope, points, after, limit)

    async def count(self, scope: TenantScope) -> int:
        """Return how many facts there are."""
        return await self._counted(_owned_by(scope))

    async def delete(self, scope: TenantScope, ids: Sequence[str]) -> int:
        """Delete facts by id and return how many existed."""
        return await self._deleted(_owned_by(scope, models.HasIdCondition(has_id=list(known_ids(ids)))))

    async def delete_all(self, scope: TenantScope) -> int:
        """Delete every fact of the tenant and return how many there were."""
        deleted = await self._deleted(_owned_by(scope))
        if await self.count(scope):
            raise UpstreamUnavailable("facts were left after the deletion", self._upstream.dependency)
        return deleted

    async def stale_profiles(self) -> list[str]:
        """Return the other profiles that have a collection."""
        answer = await self._call(self._client.get_collections)
        profiles = {profile_of(collection.name) for collection in answer.collections}
        return sorted(profile for profile in profiles if profile and profile != self._profile.id)

    async def export(self, profile_id: str) -> AsyncIterator[tuple[TenantScope, Fact]]:
        """Yield every fact of a profile with its owner's scope. Raises NotFound."""
        async for point in self._scrolled(await self._existing_collection(profile_id), None):
            for pair in self._reader.owned([point]):
                yield pair

    async def stats(self, profile_id: str) -> CollectionStats:
        """Count what is in a profile's collection. Raises NotFound."""
        name = await self._existing_collection(profile_id)
        users = await self._call(lambda: self._client.facet(name, OWNER_KEY, limit=_MOST_USERS, exact=True))
        return CollectionStats(
            profile_id=profile_id,
            facts=await self._counted(None, name),
            users=len(users.hits),
            superseded=await self._counted(models.Filter(must=[_IS_SUPERSEDED]), name),
            pinned=await self._counted(models.Filter(must=[_IS_PINNED]), name),
        )

    async def drop(self, profile_id: str) -> None:
        """Delete another profile's collection. Raises NotFound."""
        collection = await self._stale_collection(profile_id)
        await self._call(lambda: self._client.delete_collection(collection, timeout=_CREATION_SECONDS))

    async def forget(self, scope: TenantScope, ids: Sequence[str] | None = None) -> None:
        """Delete the tenant's facts, or those with these ids, from the collections of other profiles."""
        conditions = [] if ids is None else [models.HasIdCondition(has_id=list(known_ids(ids)))]
        for profile_id in await self.stale_profiles():
            await self._erase(collection_name(profile_id), _owned_by(scope, *conditions))

    async def _existing_collection(self, profile_id: str) -> str:
        if profile_id == self._profile.id:
            return self._collection
        return await self._stale_collection(profile_id)

    async def _stale_collection(self, profile_id: str) -> str:
        if profile_id not in await self.stale_profiles():
            raise NotFound(f"no collection of another profile {profile_id}")
        return collection_name(profile_id)

    async def _matching(
        self, scope: TenantScope, condition: models.HasIdCondition | models.FieldCondition
    ) -> list[Fact]:
        points = self._scrolled(self._collection, _owned_by(scope, condition))
        return self._reader.facts(scope, [point async for point in points])

    async def _scrolled(self, collection: str, owned: models.Filter | None) -> AsyncIterator[models.Record]:
        offset: Any = None
        while True:
            points, offset = await self._scroll(collection, owned, offset, _BATCH)
            for point in points:
                yield point
            if offset is None:
                return

    async def _scroll(
        self, collection: str, owned: models.Filter | None, offset: Any, limit: int
    ) -> tuple[list[models.Record], Any]:
        return await self._call(
            lambda: self._client.scroll(collection, owned, limit, offset=offset, with_payload=True)
        )

    async def _write(self, scope: TenantScope, points: list[models.PointStruct]) -> None:
        await self._call(
            lambda: self._client.upsert(self._collection, points, update_filter=_owned_by(scope), wait=True)
        )

    async def _rewrite(self, owned: models.Filter, payload: dict[str, Any]) -> None:
        await self._call(
            lambda: self._client.overwrite_payload(
                self._collection, payload, models.FilterSelector(filter=owned), wait=True
            )
        )

    async def _counted(self, wanted: models.Filter | None, collection: str | None = None) -> int:
        name = collection or self._collection
        return (await self._call(lambda: self._client.count(name, wanted, exact=True))).count

    async def _deleted(self, owned: models.Filter) -> int:
        count = await self._counted(owned)
        await self._erase(self._collection, owned)
        return count

    async def _erase(self, collection: str, owned: models.Filter) -> None:
        await self._call(
            lambda: self._client.delete(
                collection,
                models.FilterSelector(filter=owned),
                wait=True,
                ordering=models.WriteOrdering.STRONG,
            )
        )

    async def _made(self) -> None:
        client, name = self._client, self._collection
        async with asyncio.timeout(self._call_seconds):  # who does not answer this is not waited for longer
            exists = await client.collection_exists(name)
        if not exists:
            try:
                await client.create_collection(
                    name,
                    vectors_config=_vector_params(self._profile.dimension, self._vectors),
                    hnsw_config=models.HnswConfigDiff(m=0, payload_m=16),
                    shard_number=self._shards,
                    replication_factor=self._replication,
                    write_consistency_factor=_most_of(self._replication),
                    timeout=_CREATION_SECONDS,
                )
            except Exception:
                if not await client.collection_exists(name):  # else another replica was faster
                    raise
        _refuse_mismatch(name, self._profile, (await client.get_collection(name)).config.params.vectors)
        for field, schema in _INDEXES.items():
            await client.create_payload_index(name, field, schema, wait=True, timeout=_CREATION_SECONDS)

    async def _call(self, request: Callable[[], Awaitable[T]]) -> T:
        seconds = self._call_seconds
        return await self._with_collection(
            lambda: self._upstream.call(lambda: self._translated(request, seconds))
        )

    async def _with_collection(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call, once more where the collection had to be made first."""
        try:
            return await call()
        except CollectionMissing:
            self._telemetry.degraded("missing_collection")
            await self.ensure()
            return await call()

    async def _translated(self, request: Callable[[], Awaitable[T]], seconds: float) -> T:
        try:
            async with asyncio.timeout(seconds):
                return await request()
        except VENDOR_ERRORS as error:
            raise translated_qdrant_error(self._upstream.dependency, error) from None


def _owned_by(
    scope: TenantScope, *conditions: models.HasIdCondition | models.FieldCondition
) -> models.Filter:
    """The only place where a user's filter is made: the tenant's condition is always in it, and must hold."""
    owner = models.FieldCondition(key=OWNER_KEY, match=models.MatchValue(value=scope.user_id))
    return models.Filter(must=[owner, *conditions])


def _visible(scope: TenantScope, view: FactView, *conditions: models.FieldCondition) -> models.Filter:
    hidden: list[models.Condition] = [] if view.superseded else [_IS_SUPERSEDED]
    if view.character is not None:
        known = models.MatchExcept(**{"except": ["", character_key(view.character)]})
        hidden.append(models.FieldCondition(key=CHARACTER_KEY, match=known))
    return models.Filter(must=_owned_by(scope, *conditions).must, must_not=hidden)


def _says(*texts: str) -> models.FieldCondition:
    same = models.MatchAny(any=[text_key(text) for text in texts])
    return models.FieldCondition(key=TEXT_KEY, match=same)


_IS_PINNED: Final = models.FieldCondition(key=PINNED_KEY, match=models.MatchValue(value=YES))
_IS_SUPERSEDED: Final = models.FieldCondition(key=SUPERSEDED_KEY, match=models.MatchValue(value=YES))
_INDEXES: Final[dict[str, models.KeywordIndexParams]] = {
    OWNER_KEY: models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    TEXT_KEY: models.KeywordIndexParams(
        type=models.KeywordIndexType.KEYWORD, on_disk=True, enable_hnsw=False
    ),
    CHARACTER_KEY: models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, enable_hnsw=False),
    PINNED_KEY: models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, enable_hnsw=False),
    SUPERSEDED_KEY: models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, enable_hnsw=False),
}


_RESCORED: Final = models.SearchParams(
    quantization=models.QuantizationSearchParams(rescore=True, oversampling=2.0)
)


def _most_of(replicas: int | None) -> int | None:
    """Return how many copies have to take a write: more than half, so that one that is lost loses nothing."""
    return None if replicas is None else replicas // 2 + 1


_RESCORED_AS_JSON: Final = _RESCORED.model_dump(mode="json", exclude_none=True)


def _vector_params(dimension: int, vectors: VectorKind) -> models.VectorParams:
    params = models.VectorParams(size=dimension, distance=models.Distance.COSINE)
    if vectors == "float16":
        params.datatype = models.Datatype.FLOAT16
    if vectors == "int8":
        int8 = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
        params.quantization_config = models.ScalarQuantization(scalar=int8)
        params.on_disk = True
    return params


def _refuse_mismatch(collection: str, profile: EmbedderProfile, stored: object) -> None:
    wanted = (profile.dimension, models.Distance.COSINE)
    found = (stored.size, stored.distance) if isinstance(stored, models.VectorParams) else None
    if found != wanted:
        what = f"{found[0]} numbers ({found[1].value})" if found else "another kind"
        raise ConfigurationError(
            f"collection {collection} holds vectors of {what}, the embedder's have {wanted[0]} (Cosine): use "
            "the embedder that made it, or delete the collection and add the facts again"
        )
