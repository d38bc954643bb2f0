"""The one module of evaluation that puts parts of the service together, from the service's own settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from repartee.application.ports import Embedder, Reranker
from repartee.domain.errors import ConfigurationError
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


def calibration_folder() -> Path:
    """Return where the service that is configured here looks for calibrations. Raises ConfigurationError."""
    return load_settings().calibration_folder


@dataclass(frozen=True, slots=True)
class Reranking:
    """A reranker, how many of the nearest facts it gets, and the relevance that a used fact must exceed."""

    reranker: Reranker
    candidates: int
    threshold: float | None


@asynccontextmanager
async def open_reranking(
    candidates: int | None = None, threshold: float | None = None
) -> AsyncIterator[Reranking]:
    """Open the reranker that the service would use here, and close it at the end.

    What is not given is as configured. Raises ConfigurationError where the settings give no reranker.
    """
    settings = load_settings()
    container = make_container(settings)
    try:
        reranker: Reranker | None = await container.get(Reranker | None)
        if reranker is None:
            raise ConfigurationError("there is no reranker to measure: set REPARTEE_RERANK__KIND")
        yield Reranking(
            reranker,
            settings.rerank.candidates if candidates is None else candidates,
            settings.rerank.threshold if threshold is None else threshold,
        )
    finally:
        await container.close()
