"""Facts in Qdrant's own engine inside this process: a folder, no server, one process at a time.

What was measured of the engine (0.9) shapes this file. Every call holds the interpreter's lock, so a thread
would stall the event loop just as much: calls run inline, each atomic to the other tasks. The write-ahead
log stays on, as the lock on the folder goes with it. `optimize()` is never called: it would freeze the
process, and with the tenant index every search is exact without it. The log survives a killed process,
`flush` a power cut, so a write is answered after a flush. A process must not fork once the folder is open.
"""

import re
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Final, Literal, TypeVar

from qdrant_edge import (
    CountRequest,
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeVectorParams,
    FacetRequest,
    FieldCondition,
    Filter,
    HasIdCondition,
    KeywordIndexParams,
    MatchAny,
    MatchExcept,
    MatchValue,
    Memory,
    Point,
    Query,
    QueryBatchRequest,
    QueryRequest,
    Record,
    ScrollRequest,
    UpdateOperation,
    VectorStorageDatatype,
)

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
from repartee.domain.errors import (
    ConfigurationError,
    NotFound,
    ReparteeError,
    StoreLocked,
    UpstreamUnavailable,
)
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
    known_ids,
    payload_of,
)
from repartee.integrations.transport import Upstream

_DEPENDENCY: Final = "store"
_PAGE: Final = 1_000
_MOST_USERS: Final = 100_000_000
_CURRENT: Final = FactView()
_MISMATCH: Final = re.compile(r"expected (vector size|distance|vector storage datatype) (\w+), but got (\w+)")

T = TypeVar("T")


class QdrantEdgeFactStore(FactStore, FactArchive):
    """The index of facts in `folder`, with one sub-folder per embedder profile.

    `vectors` is how a new one keeps them; int8 would need the optimizer, which is never run here.
    """

    def __init__(
        self,
        folder: Path,
        profile: EmbedderProfile,
        telemetry: Telemetry,
        vectors: Literal["float32", "float16"] = "float32",
    ) -> None:
        self._vectors: VectorKind = vectors
        self._folder = folder
        self._profile = profile
        self._upstream = Upstream(_DEPENDENCY, telemetry, attempts=1)
        self._reader = FactReader(telemetry)
        self._shard: EdgeShard | None = None

    @property
    def name(self) -> str:
        """Engine and folder."""
        return f"Qdrant (embedded) in {self._folder}"

    async def ensure(self) -> None:
        """Open the folder, making or completing what is missing. Raises ConfigurationError, StoreLocked."""
        if self._shard is None:
            self._shard = _opened(self._folder / self._profile.id, self._profile, self._vectors)

    async def close(self) -> None:
        """Write everything out and let go of the folder."""
        shard, self._shard = self._shard, None
        if shard is not None:
            with _translated(self._folder), closing(shard):
                shard.flush()

    async def check(self) -> None:
        """Raise UpstreamUnavailable if the engine does not answer."""
        await self._run(EdgeShard.info)

    async def search(
        self, scope: TenantScope, vector: Vector, limit: int, view: FactView = _CURRENT, *, pinned: int = 0
    ) -> list[RetrievedFact]:
        """Return the nearest facts of the view, and up to `pinned` pinned ones, best first."""
        nearest = Query.Nearest(checked_vector(self._profile, vector))

        def request(size: int, *conditions: FieldCondition) -> QueryRequest:
            visible = _visible(scope, view, *conditions)
            return QueryRequest(query=nearest, filter=visible, limit=size, with_payload=True)

        requests = [request(limit)]
        if pinned:
            requests.append(request(pinned, _IS_PINNED))
        found = await self._run(lambda shard: shard.query_batch(QueryBatchRequest(requests)))
        return self._reader.retrieved(scope, chain.from_iterable(found))

    async def upsert(self, scope: TenantScope, facts: Sequence[EmbeddedFact]) -> None:
        """Write facts by id and flush. A point that belongs to another user is left as it is."""
        if facts:
            write = self._written(scope, facts)
            await self._run(lambda shard: _flushed(shard, write))

    async def load(self, rows: Sequence[tuple[TenantScope, EmbeddedFact]]) -> None:
        """Write facts of many users by id, and flush once."""
        by_tenant: dict[TenantScope, list[EmbeddedFact]] = defaultdict(list)
        for scope, embedded in rows:
            by_tenant[scope].append(embedded)
        writes = [self._written(scope, facts) for scope, facts in by_tenant.items()]
        if writes:
            await self._run(lambda shard: _flushed(shard, *writes))

    async def annotate(self, scope: TenantScope, facts: Sequence[Fact]) -> None:
        """Rewrite all but the vectors of facts that exist and say the same, and flush."""

        def work(shard: EdgeShard) -> None:
            for fact in facts:
                same = _owned_by(scope, HasIdCondition({checked_id(fact.id, "id")}), _says(fact.text))
                shard.update(UpdateOperation.overwrite_payload_by_filter(same, payload_of(scope, fact)))
            shard.flush()

        if facts:
            await self._run(work)

    async def get(self, scope: TenantScope, ids: Sequence[str]) -> list[Fact]:
        """Return those of the facts that exist."""
        owned = _owned_by(scope, HasIdCondition(set(known_ids(ids))))
        return self._reader.facts(scope, await self._run(lambda shard: list(_scrolled(shard, owned))))

    async def find(self, scope: TenantScope, texts: Sequence[str]) -> list[Fact]:
        """Return the facts that say the same as one of `texts`."""
        owned = _owned_by(scope, _says(*texts))
        return self._reader.facts(scope, await self._run(lambda shard: list(_scrolled(shard, owned))))

    async def page(
        self, scope: TenantScope, after: str | None, limit: int, view: FactView = _CURRENT
    ) -> FactPage:
        """Return up to `limit` facts of the view whose id comes after the cursor."""
        request = ScrollRequest(
            offset=None if after is None else checked_id(after, "after"),
            limit=limit + 2,
            filter=_visible(scope, view),
            with_payload=True,
        )
        points, _ = await self._run(lambda shard: shard.scroll(request))
        return self._reader.page(scope, points, after, limit)

    async def count(self, scope: TenantScope) -> int:
        """Return how many facts there are."""
        request = CountRequest(filter=_owned_by(scope))
        return await self._run(lambda shard: shard.count(request))

    async def delete(self, scope: TenantScope, ids: Sequence[str]) -> int:
        """Delete facts by id and return how many existed."""
        return await self._deleted(_owned_by(scope, HasIdCondition(set(known_ids(ids)))))

    async def delete_all(self, scope: TenantScope) -> int:
        """Delete every fact of the tenant and return how many there were."""
        deleted = await self._deleted(_owned_by(scope))
        if await self.count(scope):
            raise UpstreamUnavailable("facts were left after the deletion", _DEPENDENCY)
        return deleted

    async def stale_profiles(self) -> list[str]:
        """Return the other profiles that have a folder."""
        return _other_profiles(self._folder, self._profile)

    async def export(self, profile_id: str) -> AsyncIterator[tuple[TenantScope, Fact]]:
        """Yield every fact of a profile with its owner's scope. Raises NotFound, StoreLocked."""
        with self._collection(profile_id) as shard:
            for point in _scrolled(shard, None):
                for pair in self._reader.owned([point]):
                    yield pair

    async def stats(self, profile_id: str) -> CollectionStats:
        """Count what is in a profile's folder. Raises NotFound, StoreLocked."""
        with self._collection(profile_id) as shard:
            users = shard.facet(FacetRequest(OWNER_KEY, limit=_MOST_USERS, exact=True))
            return CollectionStats(
                profile_id=profile_id,
                facts=shard.count(CountRequest()),
                users=len(users),
                superseded=shard.count(CountRequest(filter=Filter(must=[_IS_SUPERSEDED]))),
                pinned=shard.count(CountRequest(filter=Filter(must=[_IS_PINNED]))),
            )

    async def drop(self, profile_id: str) -> None:
        """Delete another profile's folder. Raises NotFound, and StoreLocked while a process owns it."""
        folder = await self._stale_folder(profile_id)
        _remove(folder)

    async def forget(self, scope: TenantScope, ids: Sequence[str] | None = None) -> None:
        """Delete the tenant's facts, or those with these ids, from the folders of other profiles."""
        conditions = [] if ids is None else [HasIdCondition(set(known_ids(ids)))]
        for profile_id in await self.stale_profiles():
            folder = self._folder / profile_id
            with _translated(folder), closing(EdgeShard.load(str(folder))) as shard:
                _flushed(shard, UpdateOperation.delete_points_by_filter(_owned_by(scope, *conditions)))

    @contextmanager
    def _collection(self, profile_id: str) -> Iterator[EdgeShard]:
        if profile_id == self._profile.id and self._shard is not None:
            with _translated(self._folder):
                yield self._shard
            return
        if profile_id not in _other_profiles(self._folder, self._profile):
            raise NotFound(f"no profile {profile_id} in {self._folder}")
        folder = self._folder / profile_id
        with _translated(folder), closing(EdgeShard.load(str(folder))) as shard:
            yield shard

    def _written(self, scope: TenantScope, facts: Sequence[EmbeddedFact]) -> UpdateOperation:
        points = [
            Point(
                id=checked_id(embedded.fact.id, "id"),
                vector=checked_vector(self._profile, embedded.vector),
                payload=payload_of(scope, embedded.fact),
            )
            for embedded in facts
        ]
        return UpdateOperation.upsert_points(points, condition=_owned_by(scope))

    async def _stale_folder(self, profile_id: str) -> Path:
        if profile_id not in await self.stale_profiles():
            raise NotFound(f"no other profile {profile_id} in {self._folder}")
        return self._folder / profile_id

    async def _deleted(self, owned: Filter) -> int:
        def work(shard: EdgeShard) -> int:
            count = shard.count(CountRequest(filter=owned))
            if count:
                _flushed(shard, UpdateOperation.delete_points_by_filter(owned))
            return count

        return await self._run(work)

    async def _run(self, work: Callable[[EdgeShard], T]) -> T:
        async def attempt() -> T:
            if self._shard is None:
                raise UpstreamUnavailable("the embedded fact store is not open", _DEPENDENCY)
            with _translated(self._folder):
                return work(self._shard)

        return await self._upstream.call(attempt)


def _owned_by(scope: TenantScope, *conditions: HasIdCondition | FieldCondition) -> Filter:
    """The only place where a user's filter is made: the tenant's condition is always in it, and must hold."""
    return Filter(must=[FieldCondition(OWNER_KEY, match=MatchValue(scope.user_id)), *conditions])


def _visible(scope: TenantScope, view: FactView, *conditions: FieldCondition) -> Filter:
    owned = _owned_by(scope, *conditions)
    hidden: list[FieldCondition] = [] if view.superseded else [_IS_SUPERSEDED]
    if view.character is not None:
        known = MatchExcept(["", character_key(view.character)])
        hidden.append(FieldCondition(CHARACTER_KEY, match=known))
    return Filter(must=owned.must, must_not=list(hidden))


def _says(*texts: str) -> FieldCondition:
    return FieldCondition(TEXT_KEY, match=MatchAny([text_key(text) for text in texts]))


_IS_PINNED: Final = FieldCondition(PINNED_KEY, match=MatchValue(YES))
_IS_SUPERSEDED: Final = FieldCondition(SUPERSEDED_KEY, match=MatchValue(YES))


def _scrolled(shard: EdgeShard, owned: Filter | None) -> Iterator[Record]:
    offset = None
    while True:
        points, offset = shard.scroll(
            ScrollRequest(offset=offset, limit=_PAGE, filter=owned, with_payload=True)
        )
        yield from points
        if offset is None:
            return


def _flushed(shard: EdgeShard, *writes: UpdateOperation) -> None:
    for write in writes:
        shard.update(write)
    shard.flush()


def _opened(folder: Path, profile: EmbedderProfile, vectors: VectorKind) -> EdgeShard:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _translated(folder):
            return _indexed(EdgeShard.load(str(folder), _config(profile, vectors)))
    except (OSError, UpstreamUnavailable) as error:
        raise ConfigurationError(
            f"{folder} cannot be opened as a fact store ({error.__cause__ or error}): check the disk and the "
            "folder's permissions, or move the folder away to start without facts"
        ) from error


def _config(profile: EmbedderProfile, vectors: VectorKind) -> EdgeConfig:
    """With a config, `load` also completes a folder whose making was interrupted.

    Payloads are read from memory: from disk a search took twice as long after the folder was opened again.
    """
    params = EdgeVectorParams(
        size=profile.dimension, distance=Distance.Cosine, datatype=_DATATYPES.get(vectors)
    )
    return EdgeConfig(vectors=params, payload_memory=Memory.Cached, max_search_threads=1)


_DATATYPES: Final[dict[VectorKind, VectorStorageDatatype]] = {"float16": VectorStorageDatatype.Float16}


_INDEXES: Final = {
    OWNER_KEY: KeywordIndexParams(is_tenant=True),
    CHARACTER_KEY: KeywordIndexParams(enable_hnsw=False),
    PINNED_KEY: KeywordIndexParams(enable_hnsw=False),
    SUPERSEDED_KEY: KeywordIndexParams(enable_hnsw=False),
}
"""What a search filters by. For a field without an index the engine reads the payload of every fact of a
user: 1 µs for each condition and fact."""


def _indexed(shard: EdgeShard) -> EdgeShard:
    try:
        _flushed(shard, *(UpdateOperation.create_field_index(*index) for index in _INDEXES.items()))
    except BaseException:
        shard.close()
        raise
    return shard


def _other_profiles(folder: Path, profile: EmbedderProfile) -> list[str]:
    """The engine writes its config last: a folder without one was never finished and holds no facts."""
    names = {path.parent.name for path in folder.glob("[!.]*/edge_config.json")}
    return sorted(names - {profile.id})


def _remove(folder: Path) -> None:
    with _translated(folder):
        EdgeShard.load(str(folder)).close()
    doomed = folder.with_name(f".{folder.name}.dropped")
    shutil.rmtree(doomed, ignore_errors=True)
    folder.rename(doomed)
    shutil.rmtree(doomed)


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """Translate what the engine raises: bare `Exception`s, and panics that are not even that."""
    try:
        yield
    except BaseException as error:
        if type(error) is Exception or type(error).__name__ == "PanicException":
            raise _meaning(folder, str(error)) from error
        raise


def _meaning(folder: Path, text: str) -> ReparteeError:
    if "WouldBlock" in text:
        return StoreLocked(
            f"another process owns {folder}: use the API that is running, or stop it, or set "
            "REPARTEE_QDRANT__URL to a Qdrant server, which many processes can share"
        )
    if mismatch := _MISMATCH.search(text):
        what, wanted, stored = mismatch.groups()
        if what == "vector storage datatype":
            return ConfigurationError(
                f"{folder} holds {stored} vectors, REPARTEE_QDRANT__VECTORS says {wanted}: set it back, or "
                "rename that folder and run `repartee facts reindex`"
            )
        return ConfigurationError(
            f"{folder} holds vectors of {what} {stored}, the embedder's have {wanted}: rename that "
            "folder and run `repartee facts reindex`, or set REPARTEE_DATA_DIR to another folder"
        )
    return UpstreamUnavailable("the embedded fact store failed", _DEPENDENCY)
