"""What `repartee serve` says when it is ready."""

from collections.abc import Iterator
from typing import Final

from repartee.presentation.services import Running

OFFLINE: Final = "offline"


def banner(url: str, running: Running) -> list[str]:
    """Return the lines: where it serves, what it uses, and what to set for something better."""
    rows = list(_rows(url, running))
    width = max(len(label) for label, _ in rows)
    return [f"Repartee serves on {url}", *(f"  {label:<{width}}  {value}".rstrip() for label, value in rows)]


def _rows(url: str, running: Running) -> Iterator[tuple[str, str]]:
    if running.model == OFFLINE:
        yield "model", "offline: example lines and facts, not a language model. For a real one set"
        yield "", "REPARTEE_LLM__API_KEY=… or REPARTEE_LLM__BASE_URL=http://localhost:11434/v1"
    else:
        yield "model", running.model
    yield "embedder", running.embedder
    embedded = "embedded" in running.store
    yield "store", running.store + (" (a server: REPARTEE_QDRANT__URL=…)" if embedded else "")
    yield "reranker", running.reranker or "none (REPARTEE_RERANK__KIND=…)"
    if running.event_log:
        yield "events", running.event_log
    yield "docs", f"{url}/docs"
    yield "chat", "make interact, in another terminal"
