"""A stand-in for OpenRouter, OpenAI, Cohere and rerankers on the loopback interface: real HTTP, with faults.

In a test: `async with LoopbackUpstream() as upstream:`, then `upstream.script("chat", faults.status(429))`.
As a process: `python -m tests.loopback.upstream --port 0` prints its URL; `POST /loopback/script` with
`{"endpoint": "chat", "faults": ["status=429,1"]}` scripts it, `GET /loopback/requests` lists what came.
A request may name its fault itself in the header `x-loopback-fault`.
"""

import argparse
import asyncio
import hashlib
import json
import math
import re
import sys
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any, Self

from tests.loopback.faults import Fault, named, well
from tests.loopback.wire import Exchange, LoopbackServer, Recorded

_ENDPOINTS = {
    "/chat/completions": "chat",
    "/models": "models",
    "/embeddings": "embeddings",
    "/v2/embed": "cohere_embed",
    "/voyage/v1/rerank": "voyage_rerank",
    "/rerank": "rerank",
    "/loopback/script": "script",
    "/loopback/requests": "requests",
}


def endpoint_of(path: str) -> str:
    """Return the endpoint that a path asks for, whatever stands before it."""
    bare = path.partition("?")[0]
    return next((name for end, name in _ENDPOINTS.items() if bare.endswith(end)), "unknown")


def embedding(text: str, dimension: int) -> list[float]:
    """Return a unit vector in which texts that share words are near each other."""
    vector = [0.0] * dimension
    for word in re.findall(r"\w+", text.lower()) or [text]:
        digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
        vector[int.from_bytes(digest[:4], "big") % dimension] += 1.0 if digest[4] % 2 else -1.0
    length = math.hypot(*vector)
    return [value / length for value in vector] if length else [1.0, *vector[1:]]


def ranked(query: str, texts: Sequence[str], score: str) -> list[dict[str, Any]]:
    """Return a row for each text, best first; texts that share words with the query are better."""
    asked = embedding(query, 256)
    scores = [sum(map(float.__mul__, asked, embedding(text, 256))) for text in texts]
    order = sorted(range(len(texts)), key=lambda index: -scores[index])
    return [{"index": index, score: max(scores[index], 0.0)} for index in order]


class LoopbackUpstream:
    """The server. `replies` are used up one by one; without one the reply repeats the last user message."""

    def __init__(
        self, dimension: int = 64, models: Sequence[str] = ("loopback-model",), otherwise: Fault = well
    ) -> None:
        self._otherwise = otherwise
        self.url = ""
        self.replies: deque[str] = deque()
        self._dimension = dimension
        self._models = models
        self._scripts: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._server = LoopbackServer(self._answer, endpoint_of)

    async def open(self, port: int = 0) -> Self:
        self.url = await self._server.open(port)
        return self

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    @property
    def requests(self) -> list[Recorded]:
        """All that came, oldest first."""
        return [request for request in self._server.requests if not request.path.startswith("/loopback/")]

    @property
    def bytes_received(self) -> int:
        return self._server.bytes_received

    @property
    def connections(self) -> int:
        return self._server.connections

    def hits(self, endpoint: str) -> int:
        """Return how many requests an endpoint got."""
        return sum(request.endpoint == endpoint for request in self.requests)

    def script(self, endpoint: str, *faults: Fault) -> None:
        """Answer the endpoint's next requests with these faults, one each; then well again."""
        self._scripts[endpoint].extend(faults)

    def unscript(self, endpoint: str) -> None:
        """Answer the endpoint well again."""
        self._scripts[endpoint].clear()

    async def request(self, endpoint: str, timeout: float = 2.0) -> Recorded:
        """Return the newest request to the endpoint, waiting for a first one."""
        async with asyncio.timeout(timeout):
            while not self.hits(endpoint):
                await asyncio.sleep(0.005)
        return [request for request in self.requests if request.endpoint == endpoint][-1]

    async def _answer(self, exchange: Exchange) -> None:
        request = exchange.request
        make = getattr(self, f"_on_{request.endpoint}", None)
        if make is None:
            await exchange.send({"error": {"code": 404, "message": "no such path"}}, 404)
            return
        exchange.document = make(request)
        if exchange.streaming:
            exchange.events = self._events(exchange.document, request.body)
        wanted, script = request.headers.get("x-loopback-fault"), self._scripts[request.endpoint]
        fault = named(wanted) if wanted else script.popleft() if script else self._otherwise
        await fault(exchange)

    # --- OpenAI -----------------------------------------------------------------------------------

    def _on_chat(self, request: Recorded) -> dict[str, Any]:
        messages = request.body["messages"]
        said = next((m["content"] for m in reversed(messages) if m["role"] == "user"), "")
        text = self.replies.popleft() if self.replies else f"Reply to: {said}"
        counts = [sum(len(m["content"].split()) for m in messages), len(text.split())]
        return {
            "id": f"chatcmpl-{len(self._server.requests)}",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": request.body["model"],
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text, "refusal": None},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": counts[0],
                "completion_tokens": counts[1],
                "total_tokens": sum(counts),
            },
        }

    @staticmethod
    def _events(document: dict[str, Any], body: dict[str, Any]) -> list[bytes]:
        """Return the stream of a document: a comment, the role, words, the end, the usage, `[DONE]`."""

        def chunk(choices: list[dict[str, Any]], usage: Any = None) -> bytes:
            about = {key: document[key] for key in ("id", "created", "model")}
            data = {**about, "object": "chat.completion.chunk", "choices": choices, "usage": usage}
            return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"

        def delta(delta: dict[str, Any], reason: str | None = None) -> bytes:
            return chunk([{"index": 0, "delta": delta, "finish_reason": reason}])

        text = document["choices"][0]["message"]["content"]
        usage = [chunk([], document["usage"])] if body.get("stream_options", {}).get("include_usage") else []
        return [
            b": OPENROUTER PROCESSING\n\n",
            delta({"role": "assistant", "content": ""}),
            *(delta({"content": word}) for word in re.findall(r"\s*\S+|\s+", text)),
            delta({}, "stop"),
            *usage,
            b"data: [DONE]\n\n",
        ]

    def _on_models(self, _request: Recorded) -> dict[str, Any]:
        models = [{"id": model, "object": "model", "owned_by": "loopback"} for model in self._models]
        return {"object": "list", "data": models}

    def _on_embeddings(self, request: Recorded) -> dict[str, Any]:
        texts = request.body["input"]
        size = request.body.get("dimensions", self._dimension)
        rows = [
            {"object": "embedding", "index": index, "embedding": embedding(text, size)}
            for index, text in enumerate([texts] if isinstance(texts, str) else texts)
        ]
        return {"object": "list", "model": request.body["model"], "data": rows[::-1]}

    # --- Cohere -----------------------------------------------------------------------------------

    def _on_cohere_embed(self, request: Recorded) -> dict[str, Any]:
        rows = [embedding(text, self._dimension) for text in request.body["texts"]]
        return {"id": "embed-1", "embeddings": {"float": rows}, "response_type": "embeddings_by_type"}

    # --- rerank: Cohere's and Jina's, Text Embeddings Inference's, Voyage's -----------------------

    def _on_rerank(self, request: Recorded) -> dict[str, Any] | list[dict[str, Any]]:
        if "texts" in request.body:
            return ranked(request.body["query"], request.body["texts"], "score")
        rows = ranked(request.body["query"], request.body["documents"], "relevance_score")
        return {"id": "rerank-1", "results": rows}

    def _on_voyage_rerank(self, request: Recorded) -> dict[str, Any]:
        rows = ranked(request.body["query"], request.body["documents"], "relevance_score")
        return {"object": "list", "data": rows, "model": request.body["model"], "usage": {"total_tokens": 9}}

    # --- control ----------------------------------------------------------------------------------

    def _on_script(self, request: Recorded) -> dict[str, Any]:
        self.script(request.body["endpoint"], *(named(spec) for spec in request.body["faults"]))
        return {}

    def _on_requests(self, _request: Recorded) -> dict[str, Any]:
        keys = ("endpoint", "method", "path", "headers", "body", "started", "disconnected_at")
        return {"requests": [{key: getattr(request, key) for key in keys} for request in self.requests]}


async def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--dimension", type=int, default=64)
    parser.add_argument(
        "--otherwise", default="ok", help="What answers a request that nothing was scripted for."
    )
    options = parser.parse_args()
    upstream = await LoopbackUpstream(options.dimension, otherwise=named(options.otherwise)).open(
        options.port
    )
    sys.stdout.write(f"{upstream.url}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
