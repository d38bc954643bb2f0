"""The API's own description: request bodies, examples and problem answers for each route."""

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema
from starlette.responses import Response

_REF: Final = "#/components/schemas/{model}"
_body_models: set[type[BaseModel]] = set()

_FACT: Final = {
    "id": "0f5a2e0c-54a8-5c0e-9b0f-3f1f6a0f2b11",
    "owner": "user",
    "text": "Plays the cello in an amateur orchestra",
    "created_at": "2026-11-20T10:00:00Z",
    "source": "",
}
_USED: Final = {"id": _FACT["id"], "owner": "user", "text": _FACT["text"], "score": 0.4312}
_REPLY: Final = {
    "id": "rpl_5f0c1d6e2b8a4a7f9d3e0b1c2a4d6f80",
    "request_id": "9b1c5a0e7d2f4c3b8a6e1f0d2c4b6a81",
    "text": "*slides a glass over* Rehearsal ran long again? Tell the cello I said hi.",
    "facts": [_USED],
    "retrieval": {"status": "ok", "threshold": 0.25, "rerank": "off"},
    "model": "offline",
    "arm": "default",
    "version": "offline",
    "finish_reason": "stop",
    "usage": {"prompt_tokens": 912, "completion_tokens": 19},
    "timings": {"retrieval_ms": 4.1, "model_ms": 0.7, "total_ms": 5.6},
    "lore": {
        "entries": [
            {
                "book": "Kettlewick",
                "id": "0",
                "name": "rehearsals",
                "fired": True,
                "reason": "key",
                "key": "/rehears(e|al)/i",
                "tokens": 14,
            }
        ],
        "tokens": 14,
        "state": {"version": 1, "effects": []},
    },
    "prompt_tokens_by_section": {"rules": 402, "character": 310, "history": 21, "lore": 14, "facts": 12},
    "alternatives": [{"id": "rpl_7a…", "text": "Ice, or whiskey?", "finish_reason": "stop", "guard": None}],
}
EXAMPLES: Final[Mapping[str, Any]] = {
    "generate": {
        "messages": [{"role": "user", "text": "my fingers hurt, we rehearsed till ten"}],
        "user": {"id": "maya", "name": "Maya", "age": 29},
        "character": "blaze",
        "scenario": {"setting": "The bar, an hour before closing"},
        "lorebooks": [
            {
                "name": "Kettlewick",
                "entries": [
                    {
                        "name": "rehearsals",
                        "keys": ["/rehears(e|al)/i"],
                        "content": "The orchestra rehearses in the old ferry hall.",
                    }
                ],
            }
        ],
        "author_note": {"text": "Keep it light.", "depth": 4},
        "mode": "regenerate",
        "avoid": ["*nods* Long rehearsal, then."],
        "n": 2,
    },
    "scene": {
        "messages": [
            {"role": "user", "text": "evening, all of you"},
            {"role": "character", "speaker": "Blaze", "text": "*nods* Evening."},
            {"role": "user", "text": "Juno, how was your day?"},
        ],
        "user": {"id": "maya", "name": "Maya"},
        "cast": [
            {"character": "blaze"},
            {"character": "juno", "talkativeness": 0.9},
            {"character": {"name": "Otto", "description": "Owns the bar. Hates noise."}, "muted": True},
        ],
    },
    "reply": _REPLY,
    "stream": 'event: facts\ndata: {"id":"rpl_…","facts":[],"retrieval":{"status":"empty"}}\n\n'
    'event: delta\ndata: {"text":"Evening, "}\n\nevent: done\ndata: {"id":"rpl_…","text":"Evening."}\n\n',
    "add_facts": {"facts": [{"text": _FACT["text"]}]},
    "facts_added": {"facts": [_FACT]},
    "facts_page": {"facts": [_FACT], "next": None},
    "fact": _FACT,
    "edit_fact": {"text": "Plays the viola in an amateur orchestra"},
    "candidates": {
        "status": "ok",
        "candidates": [
            {
                "id": _FACT["id"],
                "owner": "user",
                "character": "",
                "text": _FACT["text"],
                "scores": {"similarity": 0.41, "recency": 1.0, "score": 0.41, "rerank": None},
                "kept": True,
                "verdict": "kept",
            }
        ],
        "threshold": 0.25,
        "rerank": "off",
    },
    "fact_counts": {
        "collections": [
            {
                "profile": "minilm-384",
                "current": True,
                "facts": 120,
                "users": 1,
                "superseded": 3,
                "pinned": 2,
            }
        ]
    },
    "extract": {
        "messages": [
            {"role": "character", "text": "You look worn out. Long day?"},
            {"role": "user", "text": "I work at Globex now, and I have an exam next Friday."},
        ],
        "user": {"name": "Maya"},
        "character": "blaze",
        "now": "2026-11-20T19:00:00+01:00",
    },
    "extraction": {
        "proposals": [
            {
                "text": "Maya has an exam next Friday (2026-11-27).",
                "owner": "user",
                "character": "",
                "subject": "user",
                "evidence": "I have an exam next Friday",
                "message_index": 1,
                "supersedes": [],
                "confidence": 0.9,
            }
        ],
        "rejected": [{"reason": "duplicate", "message_index": 1}],
        "stored": None,
        "model": "openai/gpt-4o-mini",
        "usage": {"prompt_tokens": 1_204, "completion_tokens": 96},
    },
    "digest": {
        "messages": [
            {"role": "user", "text": "I finally told my sister about the flat."},
            {"role": "character", "text": "*raises a glass* And the roof is still on?"},
        ],
        "summary": "Maya is buying a flat in Porto and had not told her sister.",
        "character": "blaze",
        "user": {"name": "Maya"},
        "max_words": 120,
    },
    "digest_made": {
        "summary": "Maya is buying a flat in Porto and has now told her sister. Blaze raised a glass to it.",
        "messages_covered": 2,
        "model": "openai/gpt-4o-mini",
        "usage": {"prompt_tokens": 498, "completion_tokens": 31},
    },
    "user_export": '{"type":"user","user_id":"maya","facts":1,"events":1}\n'
    '{"type":"fact","id":"0f5a2e0c-…","owner":"user","text":"Plays the cello in an amateur orchestra"}\n'
    '{"type":"event","event":{"type":"reply","at":"2026-11-20T10:00:00+00:00","reply":{"id":"rpl_…"}}}\n',
    "erased": {"facts": 120, "events": 48},
    "feedback": {"reply_id": _REPLY["id"], "verdict": "like", "reason": "made me laugh"},
    "characters": {"characters": [{"id": "blaze", "name": "Blaze", "language": "en", "tags": ["bar"]}]},
    "character": {"name": "Blaze", "description": "Runs the late shift of a corner bar."},
    "parsed_card": {
        "character": {"name": "Blaze", "description": "Runs the late shift of a corner bar."},
        "card": {"spec": "chara_card_v3", "spec_version": "3.0", "data": {"name": "Blaze"}},
        "spec": "v3",
        "warnings": ["data: the format also requires tags; taken as empty"],
        "assets": [{"name": "assets/icon/images/main.png", "type": "icon", "bytes": 48213}],
    },
    "alive": {
        "status": "ok",
        "service": "repartee",
        "model": "offline",
        "embedder": "minilm",
        "store": "Qdrant (embedded)",
    },
    "ready": {"status": "ready", "dependencies": {"model": {"status": "ok", "code": None, "detail": None}}},
}


class Problem(BaseModel):
    """RFC 9457 problem. `code` is stable; `errors` names fields."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[dict[str, str]] | None = None
    dependency: str | None = None


def json_answer(model: BaseModel, status: int = 200) -> Response:
    """Return a JSON response, serialised once."""
    return Response(json_bytes(model), status_code=status, media_type="application/json")


def json_bytes(model: BaseModel) -> bytes:
    """Return the model's JSON as `model_dump_json` does, without a turn through text."""
    return _adapter(type(model)).dump_json(model)


@cache
def _adapter(kind: type[BaseModel]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def body_of(model: type[BaseModel], example: Any, others: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Describe a request body that the route reads by itself. `others` are more examples, by name."""
    _body_models.add(model)
    schema = {"$ref": _REF.format(model=model.__name__)}
    shown: dict[str, Any] = {"example": example}
    if others:
        named = {"plain": example, **others}
        shown = {"examples": {name: {"value": value} for name, value in named.items()}}
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, **shown}},
        }
    }


def answer(model: type[BaseModel], example: Any) -> dict[int | str, dict[str, Any]]:
    """Describe a JSON answer."""
    return {200: {"model": model, "content": {"application/json": {"example": example}}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe problem answers."""
    content = {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def describe(app: FastAPI, *, with_keys: bool) -> None:
    """Give the application an OpenAPI document that knows the bodies, the problems and the keys."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            models = [(model, "validation") for model in sorted({*_body_models, Problem}, key=str)]
            _, definitions = models_json_schema(models, ref_template=_REF)  # type: ignore[arg-type]
            schemas = made.setdefault("components", {}).setdefault("schemas", {})
            for name, schema in definitions.get("$defs", {}).items():
                schemas.setdefault(name, schema)
            if with_keys:
                _require_key(made)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way


def _require_key(document: dict[str, Any]) -> None:
    """Say on every route but the probes that a key is needed, and what comes without one."""
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, operations in document["paths"].items():
        if path in {"/healthz", "/readyz", "/metrics"}:
            continue
        for operation in operations.values():
            operation["security"] = [{"key": []}]
            operation["responses"]["401"] = problems(401)[401]
