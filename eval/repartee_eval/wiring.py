"""The one module of evaluation that puts parts of the service together, from the service's own settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from repartee.application.ports import Embedder
from repartee.infrastructure.container import make_container
from repartee.infrastructure.settings import load_settings


@asynccontextmanager
async def open_embedder() -> AsyncIterator[Embedder]:
    """Open the embedder that the service would use here, and close it at the end; nothing else is opened.

    Raises ConfigurationError where the settings do not give one.
    """
    container = make_container(load_settings())
    try:
        yield await container.get(Embedder)
    finally:
        await container.close()
