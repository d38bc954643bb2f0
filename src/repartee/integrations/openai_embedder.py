"""`Embedder` over the OpenAI embeddings API: OpenAI, Ollama, vLLM, LM Studio, llama.cpp and the like."""

from collections.abc import Sequence
from typing import Any, Final

from repartee.application.ports import Embedder, EmbedderProfile, Vector
from repartee.domain.errors import UpstreamInvalid
from repartee.integrations.json_http import JsonHttp
from repartee.integrations.query_cache import QueryCache
from repartee.integrations.remote_vectors import check_dimension, profile_id, unit_vectors
from repartee.integrations.transport import Upstream, bearer

_BATCH: Final = 128


class OpenAIEmbedder(Embedder):
    """A model behind an OpenAI-compatible server. Facts and messages are embedded alike.

    `send_dimension` asks the server to shorten its vectors to `dimension`: only some models can, and servers
    refuse the parameter for the others.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        model: str,
        dimension: int,
        threshold: float,
        upstream: Upstream,
        attempt_timeout: float,
        *,
        send_dimension: bool = False,
    ) -> None:
        self._dependency = upstream.dependency
        self._http = JsonHttp(upstream, base_url, bearer(self._dependency, api_key), attempt_timeout)
        self._options: dict[str, Any] = {"dimensions": dimension} if send_dimension else {}
        self._cache = QueryCache()
        self._profile = EmbedderProfile(
            id=profile_id("openai", model, dimension),
            model=model,
            revision="remote",
            dimension=dimension,
            threshold=threshold,
        )

    @property
    def profile(self) -> EmbedderProfile:
        """The identity of the vectors."""
        return self._profile

    async def embed_query(self, text: str) -> Vector:
        """Return the vector of a message. Raises UpstreamError."""
        [vector] = await self.embed_queries([text])
        return vector

    async def embed_queries(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per message, in order: one call for those not asked for lately."""
        return await self._cache.vectors(texts, self.embed_facts)

    async def embed_facts(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per text, in order, asking for 128 at a time. Raises UpstreamError."""
        vectors: list[Vector] = []
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            rows = await self._rows(batch)
            vectors += unit_vectors(self._dependency, rows, len(batch), self._profile.dimension)
        return vectors

    async def check(self) -> None:
        """Embed one word. Raises UpstreamError, or ConfigurationError if the vectors have another size."""
        [row] = await self._rows(["check"])
        check_dimension(self._profile, len(row))
        unit_vectors(self._dependency, [row], 1, self._profile.dimension)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _rows(self, texts: Sequence[str]) -> list[list[Any]]:
        """Return the vectors as they came, in order of the texts."""
        body = {"model": self._profile.model, "input": list(texts), **self._options}
        answer = await self._http.post("/embeddings", body)
        data = answer.get("data") if isinstance(answer, dict) else None
        found = {
            row["index"]: row["embedding"]
            for row in (data if isinstance(data, list) else [])
            if isinstance(row, dict)
            and type(row.get("index")) is int
            and isinstance(row.get("embedding"), list)
        }
        if not isinstance(data, list) or len(data) != len(texts) or found.keys() != set(range(len(texts))):
            raise UpstreamInvalid(f"{self._dependency} did not return one vector per text", self._dependency)
        return [found[index] for index in range(len(texts))]
