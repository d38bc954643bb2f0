"""`Reranker` over HTTP. Most servers speak alike, and what they answer tells which of the others it is.

| server | address ends with | asked with | answers |
|---|---|---|---|
| Cohere | `/v2/rerank` | `documents` | `{"results": [{"index", "relevance_score"}]}` |
| Jina, vLLM, llama.cpp, Infinity | `/v1/rerank` or `/rerank` | `documents` | the same |
| Voyage | `/v1/rerank` | `documents` | `{"data": [{"index", "relevance_score"}]}` |
| Text Embeddings Inference | `/rerank` | `texts` | `[{"index", "score"}]` |

None is asked for a number of results: each names that field otherwise, and all return every text without it.
"""

from collections.abc import Sequence
from math import isfinite
from typing import Any, Literal
from urllib.parse import urlsplit

from repartee.application.ports import Reranker
from repartee.domain.errors import UpstreamInvalid
from repartee.integrations.json_http import JsonHttp
from repartee.integrations.transport import Upstream, bearer

TextsField = Literal["documents", "texts"]


class HttpReranker(Reranker):
    """A model behind `url`, the whole address. Relevances are as the server gives them: 0 to 1, or logits.

    `model` is needed where the server has several, `api_key` where it asks for one.
    """

    def __init__(
        self,
        url: str,
        upstream: Upstream,
        attempt_timeout: float,
        api_key: str | None = None,
        model: str | None = None,
        texts_field: TextsField = "documents",
    ) -> None:
        self._dependency = upstream.dependency
        self._http = JsonHttp(upstream, url, bearer(self._dependency, api_key), attempt_timeout)
        self._name = model or urlsplit(url).hostname or "reranker"
        self._asked: dict[str, Any] = {"model": model} if model else {}
        if texts_field == "texts":
            self._asked["truncate"] = True  # else it refuses a pair that is longer than its model reads
        self._texts_field = texts_field

    @property
    def name(self) -> str:
        """The model, or the server where it has only one."""
        return self._name

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return one relevance per text, in order of `texts`. Raises UpstreamError; no texts need no call."""
        if not texts:
            return []
        body = {**self._asked, "query": query, self._texts_field: list(texts)}
        return self._relevances(await self._http.post("", body), len(texts))

    async def check(self) -> None:
        """Rank one word. Raises UpstreamError."""
        await self.rerank("check", ["check"])

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _relevances(self, answer: Any, count: int) -> list[float]:
        if isinstance(answer, dict):
            answer = answer.get("results", answer.get("data"))
        rows = answer if isinstance(answer, list) else []
        found = dict(pair for row in rows if (pair := _index_and_score(row)))
        if len(rows) != count or found.keys() != set(range(count)):
            raise UpstreamInvalid(
                f"{self._dependency} did not return one relevance per text", self._dependency
            )
        return [found[index] for index in range(count)]


def _index_and_score(row: Any) -> tuple[int, float] | None:
    if not isinstance(row, dict):
        return None
    index, score = row.get("index"), row.get("relevance_score", row.get("score"))
    if type(index) is not int or not isinstance(score, int | float) or isinstance(score, bool):
        return None
    return (index, float(score)) if isfinite(score) else None
