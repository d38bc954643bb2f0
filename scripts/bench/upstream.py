"""The loopback upstream: OpenAI chat, streams and embeddings, Cohere's embed, Qdrant's search; built once.

    python -m scripts.bench.upstream

Prints its port. Searches and vectors come at once, and the model's answers too until `GET /model/50` gives it
50 ms. `GET /hits` says how often each path was asked.
"""

import asyncio
from collections import Counter
from typing import ClassVar, Final

import orjson
import uvloop

from scripts.bench import payloads
from scripts.bench.wire import END_OF_HEAD, chunk, head_and_length, response

_CHUNK_SECONDS: Final = 0.008
_STREAM_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)


def _vectors(*, openai: bool) -> bytes:
    vector = payloads.vector()
    if openai:
        data = [{"object": "embedding", "index": 0, "embedding": vector}]
        usage = {"prompt_tokens": 9, "total_tokens": 9}
        return orjson.dumps({"object": "list", "data": data, "model": "bench", "usage": usage})
    return orjson.dumps({"id": "1", "embeddings": {"float": [vector]}, "texts": [""], "response_type": "x"})


def _ok(result: object) -> bytes:
    return response(orjson.dumps({"result": result, "status": "ok", "time": 0.0001}))


_COLLECTION: Final = {
    "status": "green",
    "optimizer_status": "ok",
    "segments_count": 1,
    "points_count": 10,
    "indexed_vectors_count": 10,
    "payload_schema": {},
    "config": {
        "params": {"vectors": {"size": payloads.DIMENSION, "distance": "Cosine"}},
        "hnsw_config": {"m": 0, "ef_construct": 100, "full_scan_threshold": 10_000},
        "optimizer_config": {
            "deleted_threshold": 0.2,
            "vacuum_min_vector_number": 1_000,
            "default_segment_number": 0,
            "flush_interval_sec": 5,
        },
    },
}
_COMPLETION: Final = response(payloads.completion())
_ANSWERS: Final = (
    (b"/v1/embeddings", response(_vectors(openai=True))),
    (b"/v2/embed", response(_vectors(openai=False))),
    (b"/points/query", response(payloads.found())),
    (b"/exists", _ok({"exists": True})),
    (b"/index", _ok({"operation_id": 1, "status": "completed"})),
    (b"/v1/models", response(b'{"object":"list","data":[{"id":"bench","object":"model"}]}')),
    (b"/collections", _ok(_COLLECTION)),
)
_EVENTS: Final = [chunk(event) for event in payloads.stream_events()]


class Upstream(asyncio.Protocol):
    """One connection."""

    hits: ClassVar[Counter[str]] = Counter()

    model_seconds = 0.0

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._data = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        self._data += data
        while (found := head_and_length(self._data)) is not None:
            start, length = found
            if len(self._data) < start + (length or 0):
                return
            whole = bytes(self._data[: start + (length or 0)])
            del self._data[: len(whole)]
            self._answer(whole)

    def _answer(self, whole: bytes) -> None:
        path = whole.split(b" ", 2)[1]
        self.hits[path.decode()] += 1
        if path.endswith(b"/chat/completions"):
            self._chat(whole[whole.find(END_OF_HEAD) :])
        elif path.startswith(b"/model/"):
            Upstream.model_seconds = int(path.rpartition(b"/")[2]) / 1_000
            self._write(response(b"{}"))
        elif path == b"/hits":
            self._write(response(orjson.dumps(self.hits)))
        else:
            self._write(next((answer for part, answer in _ANSWERS if part in path), response(b"{}")))

    def _chat(self, body: bytes) -> None:
        if b'"stream":true' in body or b'"stream": true' in body:
            self._write(_STREAM_HEAD)
            self._stream(0)
        elif self.model_seconds:
            self._loop.call_later(self.model_seconds, self._write, _COMPLETION)
        else:
            self._write(_COMPLETION)

    def _stream(self, place: int) -> None:
        if place == len(_EVENTS):
            self._write(chunk(b"data: [DONE]\n\n") + chunk(b""))
            return
        self._write(_EVENTS[place])
        self._loop.call_later(_CHUNK_SECONDS, self._stream, place + 1)

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


async def served() -> None:
    """Serve until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Upstream, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(served())
