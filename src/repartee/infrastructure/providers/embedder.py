"""What turns text into vectors."""

from collections.abc import AsyncIterable

from dishka import Provider, Scope, provide

from repartee.application.ports import Embedder
from repartee.domain.errors import ConfigurationError
from repartee.infrastructure.calibration_files import calibrated
from repartee.infrastructure.providers.upstreams import Upstreams
from repartee.infrastructure.settings import CohereSettings, EmbedderSettings, Settings, revealed
from repartee.integrations.calibrated_embedder import CalibratedEmbedder
from repartee.integrations.cohere_embedder import CohereEmbedder
from repartee.integrations.encoder_folder import EncoderChoices
from repartee.integrations.folder_embedder import FolderEmbedder
from repartee.integrations.onnx_embedder import OnnxEmbedder
from repartee.integrations.openai_embedder import OpenAIEmbedder
from repartee.integrations.transport import Upstream

_OPENAI = "https://api.openai.com/v1"
_OPENAI_DIMENSIONS = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}
_COHERE_MODEL = "embed-multilingual-v3.0"
_COHERE_DIMENSIONS = {
    "embed-multilingual-v3.0": 1024,
    "embed-english-v3.0": 1024,
    "embed-multilingual-light-v3.0": 384,
    "embed-english-light-v3.0": 384,
    "embed-v4.0": 1536,
}
_UNCALIBRATED_THRESHOLD = 0.4
"""For embedders that were not measured here: a start, to be calibrated on one's own data."""


class EmbedderProvider(Provider):
    """The local encoder, another one from a folder, Cohere or an OpenAI-compatible server."""

    scope = Scope.APP

    @provide
    async def embedder(self, settings: Settings, upstreams: Upstreams) -> AsyncIterable[Embedder]:
        """Open the embedder, close it at the end."""
        made = _made(settings, upstreams)
        try:
            yield CalibratedEmbedder(made, calibrated(made.profile, settings))
        finally:
            await made.close()


def _made(
    settings: Settings, upstreams: Upstreams
) -> OnnxEmbedder | FolderEmbedder | CohereEmbedder | OpenAIEmbedder:
    kind = settings.embedder.kind
    if kind == "cohere" or (kind == "auto" and revealed(settings.cohere.api_key)):
        return _cohere(settings.embedder, settings.cohere, upstreams.protected("embedder"))
    if kind == "openai":
        return _openai(settings.embedder, upstreams.protected("embedder"))
    if kind == "folder":
        return _folder(settings.embedder)
    return OnnxEmbedder(settings.embedder.folder)


def _folder(chosen: EmbedderSettings) -> FolderEmbedder:
    choices = EncoderChoices(chosen.model_file, chosen.pooling, chosen.query_prefix, chosen.document_prefix)
    return FolderEmbedder(chosen.folder, _UNCALIBRATED_THRESHOLD, choices)


def _cohere(chosen: EmbedderSettings, cohere: CohereSettings, upstream: Upstream) -> CohereEmbedder:
    key = revealed(cohere.api_key)
    if key is None:
        raise ConfigurationError("REPARTEE_COHERE__API_KEY is needed for the cohere embedder")
    model = chosen.model or _COHERE_MODEL
    return CohereEmbedder(
        base_url=cohere.base_url,
        api_key=key,
        model=model,
        dimension=_dimension(chosen, _COHERE_DIMENSIONS, model),
        send_dimension=_is_shortened(chosen, _COHERE_DIMENSIONS, model),
        threshold=_UNCALIBRATED_THRESHOLD,
        upstream=upstream,
        attempt_timeout=chosen.attempt_seconds,
    )


def _openai(chosen: EmbedderSettings, upstream: Upstream) -> OpenAIEmbedder:
    if not chosen.model:
        raise ConfigurationError("REPARTEE_EMBEDDER__MODEL is needed for the openai embedder")
    return OpenAIEmbedder(
        base_url=chosen.base_url or _OPENAI,
        api_key=revealed(chosen.api_key),
        model=chosen.model,
        dimension=_dimension(chosen, _OPENAI_DIMENSIONS, chosen.model),
        send_dimension=_is_shortened(chosen, _OPENAI_DIMENSIONS, chosen.model),
        threshold=_UNCALIBRATED_THRESHOLD,
        upstream=upstream,
        attempt_timeout=chosen.attempt_seconds,
    )


def _dimension(chosen: EmbedderSettings, known: dict[str, int], model: str) -> int:
    dimension = chosen.dimension or known.get(model)
    if dimension is None:
        raise ConfigurationError(f"REPARTEE_EMBEDDER__DIMENSION is needed: the size of {model}'s vectors")
    return dimension


def _is_shortened(chosen: EmbedderSettings, known: dict[str, int], model: str) -> bool:
    return model in known and chosen.dimension not in {None, known[model]}
