"""`Reranker` over Cohere's v2 API. A lean call: the vendor's client costs twenty times as much CPU."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from repartee.application.ports import Reranker
from repartee.domain.errors import UpstreamInvalid
from repartee.integrations.json_http import JsonHttp
from repartee.integrations.transport import Upstream, bearer


class CohereReranker(Reranker):
    """A Cohere model; relevances are from 0 to 1."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        upstream: Upstream,
        attempt_timeout: float,
        model: str = "rerank-v3.5",
    ) -> None:
        self._dependency = upstream.dependency
        self._http = JsonHttp(upstream, base_url, bearer(self._dependency, api_key), attempt_timeout)
        self._model = model

    @property
    def name(self) -> str:
        """The model."""
        return self._model

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return one relevance per text, in order of `texts`. Raises UpstreamError; no texts need no call."""
        if not texts:
            return []
        body = {"model": self._model, "query": query, "documents": list(texts), "top_n": len(texts)}
        answer = await self._http.post("/v2/rerank", body)
        results = answer.get("results") if isinstance(answer, dict) else None
        scores = {
            result["index"]: float(result["relevance_score"])
            for result in (results if isinstance(results, list) else [])
            if isinstance(result, dict) and _is_whole(result)
        }
        if scores.keys() != set(range(len(texts))) or len(results or ()) != len(texts):
            raise UpstreamInvalid(
                f"{self._dependency} did not return one relevance per text", self._dependency
            )
        return [scores[index] for index in range(len(texts))]

    async def check(self) -> None:
        """Rank one word. Raises UpstreamError."""
        await self.rerank("check", ["check"])

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def _is_whole(result: dict[str, Any]) -> bool:
    index, score = result.get("index"), result.get("relevance_score")
    return (
        type(index) is int and type(score) is not bool and isinstance(score, int | float) and isfinite(score)
    )
