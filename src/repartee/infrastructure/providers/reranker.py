"""The optional second look at what was found."""

from collections.abc import AsyncIterable

from dishka import Provider, Scope, provide

from repartee.application.ports import Reranker, Telemetry
from repartee.infrastructure.settings import Settings
from repartee.integrations.cohere_reranker import CohereReranker
from repartee.integrations.transport import Upstream


class RerankerProvider(Provider):
    """Cohere's reranker where its key is set and it is not switched off."""

    scope = Scope.APP

    @provide
    async def reranker(self, settings: Settings, telemetry: Telemetry) -> AsyncIterable[Reranker | None]:
        """Open the client, close it at the end."""
        cohere = settings.cohere
        key = cohere.api_key.get_secret_value() if cohere.api_key else ""
        if not key or not cohere.rerank:
            yield None
            return
        made = CohereReranker(
            base_url=cohere.base_url,
            api_key=key,
            model=cohere.rerank_model,
            upstream=Upstream("reranker", telemetry),
            attempt_timeout=settings.retrieval.deadline_seconds,
        )
        yield made
        await made.close()
