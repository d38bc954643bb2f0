"""Reference (a): FastAPI, one aiohttp session, orjson: the same three calls and nothing else.

No validation, no deadline, no retry, no bound, no tenant check, no metrics: the floor that a team could write
by hand. `/relay` makes the model call only and passes a stream's bytes on.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import orjson
from fastapi import FastAPI, Request
from starlette.responses import Response, StreamingResponse

from scripts.bench import payloads

UPSTREAM: Final = os.environ["BENCH_UPSTREAM"]
_JSON: Final = {"content-type": "application/json"}


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        app.state.session = session
        yield


app = FastAPI(lifespan=_lifespan)


async def _post(path: str, body: Any) -> Any:
    session: aiohttp.ClientSession = app.state.session
    async with session.post(UPSTREAM + path, data=orjson.dumps(body), headers=_JSON) as answer:
        return orjson.loads(await answer.read())


def _searches(user_id: str, vector: list[float]) -> dict[str, Any]:
    """Return the two searches that the service makes too: the nearest facts, and the pinned ones."""
    owner = {"key": "user_id", "match": {"value": user_id}}
    hidden = [{"key": "is_superseded", "match": {"value": "yes"}}]
    pinned = {"key": "is_pinned", "match": {"value": "yes"}}
    filters = [{"must": [owner], "must_not": hidden}, {"must": [owner, pinned], "must_not": hidden}]
    limits = (24, 8)
    return {
        "searches": [
            {"query": vector, "filter": wanted, "limit": limit, "with_payload": True}
            for wanted, limit in zip(filters, limits, strict=True)
        ]
    }


def _messages(turn: dict[str, Any], facts: list[str]) -> list[dict[str, str]]:
    character = turn["character"]
    about = [f"You are {character['name']}.", character["description"], character["personality"]]
    roles = {"user": "user", "character": "assistant"}
    return [
        {"role": "system", "content": "\n".join(about)},
        *({"role": roles[one["role"]], "content": one["text"]} for one in turn["messages"]),
        {"role": "system", "content": "\n".join(facts)},
    ]


def _chat(turn: dict[str, Any], facts: list[str], **more: Any) -> dict[str, Any]:
    return {"model": "bench", "messages": _messages(turn, facts), "max_tokens": 400, **more}


@app.post("/generate")
async def generate(request: Request) -> Response:
    """Answer with the model's text and the facts."""
    turn = orjson.loads(await request.body())
    embed = {
        "model": "embed-multilingual-light-v3.0",
        "texts": [turn["messages"][-1]["text"]],
        "input_type": "search_query",
        "embedding_types": ["float"],
        "truncate": "END",
    }
    vector = (await _post("/v2/embed", embed))["embeddings"]["float"][0]
    path = f"/collections/facts__cohere-embed-multilingual-light-v3.0-{payloads.DIMENSION}/points/query/batch"
    found = (await _post(path, _searches(turn["user"]["id"], vector)))["result"]
    facts = [point["payload"]["text"] for points in found for point in points["points"]]
    answer = await _post("/v1/chat/completions", _chat(turn, facts))
    reply = {"text": answer["choices"][0]["message"]["content"], "facts": facts}
    return Response(orjson.dumps(reply), media_type="application/json")


@app.post("/relay")
async def relay(request: Request) -> StreamingResponse:
    """Pass the stream on, byte by byte."""
    turn = orjson.loads(await request.body())
    body = orjson.dumps(_chat(turn, [], stream=True))

    async def pieces() -> AsyncIterator[bytes]:
        session: aiohttp.ClientSession = app.state.session
        async with session.post(f"{UPSTREAM}/v1/chat/completions", data=body, headers=_JSON) as answer:
            async for data in answer.content.iter_any():
                yield data

    return StreamingResponse(pieces(), media_type="text/event-stream")
