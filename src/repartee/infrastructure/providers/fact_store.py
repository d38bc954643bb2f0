"""Where facts live."""

from collections.abc import AsyncIterable

from dishka import AnyOf, Provider, Scope, provide

from repartee.application.ports import Embedder, EmbedderProfile, FactArchive, FactIndex, FactStore, Telemetry
from repartee.domain.errors import ConfigurationError
from repartee.infrastructure.providers.upstreams import Upstreams
from repartee.infrastructure.settings import QdrantSettings, Settings, revealed
from repartee.integrations.qdrant_edge_fact_store import QdrantEdgeFactStore
from repartee.integrations.transport import Upstream


class FactStoreProvider(Provider):
    """A Qdrant server where a URL is set, else the embedded engine."""

    scope = Scope.APP

    @provide
    async def fact_index(
        self, settings: Settings, embedder: Embedder, telemetry: Telemetry, upstreams: Upstreams
    ) -> AsyncIterable[AnyOf[FactIndex, FactStore, FactArchive]]:
        """Open the engine or the client, close it at the end."""
        index = _index(settings, embedder.profile, telemetry, upstreams)
        yield index
        await index.close()


def _index(
    settings: Settings, profile: EmbedderProfile, telemetry: Telemetry, upstreams: Upstreams
) -> FactIndex:
    if settings.qdrant.url is None:
        if settings.qdrant.vectors == "int8":
            raise ConfigurationError(
                "REPARTEE_QDRANT__VECTORS=int8 needs a Qdrant server (REPARTEE_QDRANT__URL): use float16 here"
            )
        return QdrantEdgeFactStore(settings.data_dir / "facts", profile, telemetry, settings.qdrant.vectors)
    upstream = upstreams.protected("store")
    return _server(settings.qdrant, settings.qdrant.url, profile, telemetry, upstream)


def _server(
    qdrant: QdrantSettings, url: str, profile: EmbedderProfile, telemetry: Telemetry, upstream: Upstream
) -> FactIndex:
    # The client takes 0.7 s to import, which every command would pay for a server that it does not use.
    from repartee.integrations.qdrant_fact_store import QdrantFactStore, make_qdrant_client  # noqa: PLC0415
    from repartee.integrations.qdrant_search import QdrantSearch  # noqa: PLC0415

    client = make_qdrant_client(
        url=url,
        api_key=qdrant.api_key.get_secret_value() if qdrant.api_key else None,
        timeout=qdrant.timeout_seconds,
        prefer_grpc=qdrant.prefer_grpc,
        grpc_port=qdrant.grpc_port,
    )
    search = QdrantSearch(upstream, url, revealed(qdrant.api_key), qdrant.timeout_seconds)
    return QdrantFactStore(
        client,
        profile,
        upstream,
        telemetry,
        place=url,
        vectors=qdrant.vectors,
        shards=qdrant.shards,
        replication=qdrant.replication,
        search=None if qdrant.prefer_grpc else search,
        call_seconds=qdrant.timeout_seconds,
    )
