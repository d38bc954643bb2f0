from dataclasses import replace

from repartee.presentation.cli.banner import banner
from repartee.presentation.services import Running

_OFFLINE = Running(
    model="offline",
    embedder="all-minilm-l6-v2",
    store="Qdrant (embedded) in var/facts",
    reranker=None,
    event_log=None,
)
_REAL = Running(
    model="openrouter/auto",
    embedder="embed-v4.0",
    store="Qdrant at http://localhost:6333",
    reranker="rerank-v3.5",
    event_log="var/events",
)


def test_it_says_where_it_is_and_what_it_uses() -> None:
    text = "\n".join(banner("http://127.0.0.1:8000", _REAL))
    for word in ("http://127.0.0.1:8000", "/docs", "make interact", *vars_of(_REAL)):
        assert word in text


def test_the_offline_responder_is_called_what_it_is() -> None:
    text = "\n".join(banner("http://127.0.0.1:8000", _OFFLINE))
    assert "not a language model" in text
    for setting in (
        "LLM__API_KEY",
        "LLM__BASE_URL=http://localhost:11434/v1",
        "QDRANT__URL",
        "RERANK__KIND",
    ):
        assert f"REPARTEE_{setting}" in text


def test_what_is_real_already_needs_no_advice() -> None:
    assert "REPARTEE_" not in "\n".join(banner("http://127.0.0.1:8000", _REAL))


def test_it_is_short_and_aligned() -> None:
    for running in (_OFFLINE, _REAL, replace(_OFFLINE, event_log="var/events")):
        lines = banner("http://127.0.0.1:8000", running)
        assert 6 <= len(lines) <= 9
        assert max(map(len, lines)) <= 100
        columns = {len(line) - len(line[2:].lstrip()) for line in lines[1:] if line.startswith("   ")}
        assert len(columns) <= 1


def vars_of(running: Running) -> list[str]:
    return [running.model, running.embedder, running.store, str(running.reranker), str(running.event_log)]
