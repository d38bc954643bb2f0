"""Web pages of other origins that may call the API from a browser (CORS)."""

from collections.abc import Sequence
from typing import Final

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

_METHODS: Final = ("GET", "POST", "PATCH", "DELETE")
_READABLE: Final = (
    "Retry-After", "X-Repartee-Facts", "X-Repartee-Request-Id", "X-Repartee-Retrieval", "X-Request-Id",
)  # fmt: skip


def allow_origins(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of these origins in: with the key in a header, never with cookies."""
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=["*"],
            allow_private_network=True,
            expose_headers=_READABLE,
        )
