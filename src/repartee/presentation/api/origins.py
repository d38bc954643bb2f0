"""Web pages of other origins that may call the API from a browser (CORS)."""

from collections.abc import Sequence
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

_METHODS: Final = ("GET", "POST", "PATCH", "DELETE")
_READABLE: Final = (
    "Retry-After", "X-Repartee-Facts", "X-Repartee-Request-Id", "X-Repartee-Retrieval", "X-Request-Id",
)  # fmt: skip


def allow_origins(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Return the application as pages of these origins see it: with the key in a header, never cookies."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=_METHODS,
        allow_headers=["*"],
        allow_private_network=True,
        expose_headers=_READABLE,
    )
