"""`Embedder` over Cohere's v2 API. A lean call: the vendor's client costs twenty times as much CPU."""

from collections.abc import Sequence
from functools import partial
from typing import Final, Literal

from repartee.application.ports import Embedder, EmbedderProfile, Vector
from repartee.domain.errors import UpstreamInvalid
from repartee.integrations.json_http import JsonHttp
from repartee.integrations.query_cache import QueryCache
from repartee.integrations.remote_vectors import check_dimension, profile_id, unit_vectors
from repartee.integrations.transport import Upstream, bearer

_BATCH: Final = 96

Kind = Literal["search_query", "search_document"]


class CohereEmbedder(Embedder):
    """A Cohere model. It embeds messages as queries, facts as documents; long texts are cut at the end.

    `send_dimension` asks for vectors of `dimension` numbers: `embed-v4.0` can shorten them, v3 models refuse.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        upstream: Upstream,
        attempt_timeout: float,
        threshold: float,
        model: str = "embed-multilingual-v3.0",
        dimension: int = 1024,
        *,
        send_dimension: bool = False,
    ) -> None:
        self._dependency = upstream.dependency
        self._http = JsonHttp(upstream, base_url, bearer(self._dependency, api_key), attempt_timeout)
        self._options = {"output_dimension": dimension} if send_dimension else {}
        self._cache = QueryCache()
        self._profile = EmbedderProfile(
            id=profile_id("cohere", model, dimension),
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
        return await self._cache.vectors(texts, partial(self._embed, kind="search_query"))

    async def embed_facts(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per text, in order, asking for 96 at a time. Raises UpstreamError."""
        return await self._embed(texts, "search_document")

    async def check(self) -> None:
        """Embed one word. Raises UpstreamError, or ConfigurationError if the vectors have another size."""
        [row] = await self._rows(["check"], "search_query")
        check_dimension(self._profile, len(row))
        unit_vectors(self._dependency, [row], 1, self._profile.dimension)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _embed(self, texts: Sequence[str], kind: Kind) -> list[Vector]:
        vectors: list[Vector] = []
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            rows = await self._rows(batch, kind)
            vectors += unit_vectors(self._dependency, rows, len(batch), self._profile.dimension)
        return vectors

    async def _rows(self, texts: Sequence[str], kind: Kind) -> list[list[float]]:
        """Return the vectors as they came."""
        answer = await self._http.post(
            "/v2/embed",
            {
                "model": self._profile.model,
                "texts": list(texts),
                "input_type": kind,
                "embedding_types": ["float"],
                "truncate": "END",
                **self._options,
            },
        )
        found = answer.get("embeddings") if isinstance(answer, dict) else None
        rows = found.get("float") if isinstance(found, dict) else None
        whole = (
            isinstance(rows, list) and len(rows) == len(texts) and all(isinstance(row, list) for row in rows)
        )
        if not isinstance(rows, list) or not whole:
            raise UpstreamInvalid(f"{self._dependency} did not return one vector per text", self._dependency)
        return rows
