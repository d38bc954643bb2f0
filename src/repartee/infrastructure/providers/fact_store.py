"""Where facts live."""

from collections.abc import AsyncIterable

from dishka import Provider, Scope, provide

from repartee.application.ports import Embedder, FactArchive, FactStore, Telemetry
from repartee.infrastructure.settings import Settings
from repartee.integrations.qdrant_edge_fact_store import QdrantEdgeFactStore
from repartee.integrations.qdrant_fact_store import QdrantFactStore, make_qdrant_client
from repartee.integrations.transport import Upstream

AnyQdrant = QdrantFactStore | QdrantEdgeFactStore


class FactStoreProvider(Provider):
    """A Qdrant server where a URL is set, else the embedded engine."""

    scope = Scope.APP

    @provide
    async def qdrant(
        self, settings: Settings, embedder: Embedder, telemetry: Telemetry
    ) -> AsyncIterable[AnyQdrant]:
        """Open the engine or the client, close it at the end."""
        made = _made(settings, embedder, telemetry)
        yield made
        await made.close()

    @provide
    def fact_store(self, qdrant: AnyQdrant) -> FactStore:
        """Serve the use cases."""
        return qdrant

    @provide
    def fact_archive(self, qdrant: AnyQdrant) -> FactArchive:
        """Serve the re-index."""
        return qdrant


def _made(settings: Settings, embedder: Embedder, telemetry: Telemetry) -> AnyQdrant:
    qdrant = settings.qdrant
    if qdrant.url is None:
        return QdrantEdgeFactStore(settings.data_dir / "facts", embedder.profile, telemetry)
    client = make_qdrant_client(
        url=qdrant.url,
        api_key=qdrant.api_key.get_secret_value() if qdrant.api_key else None,
        timeout=qdrant.timeout_seconds,
        prefer_grpc=qdrant.prefer_grpc,
        grpc_port=qdrant.grpc_port,
    )
    return QdrantFactStore(
        client, embedder.profile, Upstream("store", telemetry), telemetry, place=qdrant.url
    )
