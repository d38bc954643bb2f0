"""The optional second look at what was found."""

from collections.abc import AsyncIterable

from dishka import Provider, Scope, provide

from repartee.application.ports import Reranker
from repartee.domain.errors import ConfigurationError
from repartee.infrastructure.providers.upstreams import Upstreams
from repartee.infrastructure.settings import CohereSettings, RerankSettings, Settings, revealed
from repartee.integrations.http_reranker import HttpReranker
from repartee.integrations.onnx_reranker import OnnxReranker
from repartee.integrations.transport import Upstream

_COHERE_MODEL = "rerank-v3.5"


class RerankerProvider(Provider):
    """Cohere, another server with a rerank endpoint, a local cross-encoder, or none."""

    scope = Scope.APP

    @provide
    async def reranker(self, settings: Settings, upstreams: Upstreams) -> AsyncIterable[Reranker | None]:
        """Open the reranker, close it at the end."""
        made = _made(settings, upstreams)
        yield made
        if made:
            await made.close()


def _made(settings: Settings, upstreams: Upstreams) -> HttpReranker | OnnxReranker | None:
    kind = settings.rerank.kind
    if kind == "cohere" or (kind == "auto" and revealed(settings.cohere.api_key)):
        return _cohere(settings.rerank, settings.cohere, upstreams.protected("reranker"))
    if kind == "http":
        return _http(settings.rerank, upstreams.protected("reranker"))
    return _local(settings.rerank) if kind == "local" else None


def _cohere(chosen: RerankSettings, cohere: CohereSettings, upstream: Upstream) -> HttpReranker:
    key = revealed(cohere.api_key)
    if key is None:
        raise ConfigurationError("REPARTEE_COHERE__API_KEY is needed for the cohere reranker")
    return HttpReranker(
        url=f"{cohere.base_url.rstrip('/')}/v2/rerank",
        upstream=upstream,
        attempt_timeout=chosen.attempt_seconds,
        api_key=key,
        model=chosen.model or _COHERE_MODEL,
    )


def _http(chosen: RerankSettings, upstream: Upstream) -> HttpReranker:
    if chosen.url is None:
        raise ConfigurationError(
            "REPARTEE_RERANK__URL is needed for the http reranker: its whole address, "
            "such as http://localhost:8080/v1/rerank"
        )
    return HttpReranker(
        url=chosen.url,
        upstream=upstream,
        attempt_timeout=chosen.attempt_seconds,
        api_key=revealed(chosen.api_key),
        model=chosen.model,
        texts_field=chosen.texts_field,
    )


def _local(chosen: RerankSettings) -> OnnxReranker:
    if chosen.folder is None:
        raise ConfigurationError(
            "REPARTEE_RERANK__FOLDER is needed for the local reranker: a folder with model.onnx, "
            "tokenizer.json and config.json of a cross-encoder"
        )
    return OnnxReranker(chosen.folder)
