"""Words and examples for the API's description of this door."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

ABOUT: Final = (
    "With a character's id: the shipped character answers, as in `POST /generate`. System and developer "
    "messages are added to the scene; without a message of the user or the assistant the greeting comes.\n\n"
    "Whose facts are used says the header `X-Repartee-User`, else `repartee.user.id`, else `user`, else the "
    "key's own user. How the answer came about stands in `repartee`, and in the headers `X-Repartee-*`."
)

_MODEL: Final = {"object": "model", "created": 1795176000}
_ABOUT_REPLY: Final = {
    "ids": ["rpl_5f0c1d6e2b8a4a7f9d3e0b1c2a4d6f80"],
    "request_id": "9b1c5a0e7d2f4c3b8a6e1f0d2c4b6a81",
    "facts": [],
    "retrieval": {"status": "empty", "threshold": 0.25, "rerank": "off"},
    "model": "offline",
    "arm": "default",
    "version": "offline",
    "ignored": [],
}
EXAMPLES: Final[Mapping[str, Any]] = {
    "request": {
        "model": "blaze",
        "messages": [{"role": "user", "content": "my fingers hurt, we rehearsed till ten"}],
        "user": "maya",
    },
    "completion": {
        "id": "rpl_5f0c1d6e2b8a4a7f9d3e0b1c2a4d6f80",
        "object": "chat.completion",
        "created": 1795176000,
        "model": "blaze",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "*slides a glass over* Rehearsal ran long?"},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 912, "completion_tokens": 19, "total_tokens": 931},
        "repartee": _ABOUT_REPLY,
    },
    "stream": 'data: {"id":"rpl_…","object":"chat.completion.chunk","choices":[{"index":0,'
    '"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\ndata: [DONE]\n\n',
    "models": {
        "object": "list",
        "data": [
            _MODEL | {"id": "openrouter/auto", "owned_by": "upstream", "name": "openrouter/auto"},
            _MODEL | {"id": "blaze", "owned_by": "repartee", "name": "Blaze"},
        ],
    },
    "model": _MODEL | {"id": "blaze", "owned_by": "repartee", "name": "Blaze"},
}
_ERROR: Final = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": "string"},
            },
        }
    },
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe errors in OpenAI's form."""
    content = {"application/json": {"schema": _ERROR}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}
