"""The servers that are compared, each one worker in its default configuration."""

import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import orjson

from scripts.bench import payloads
from scripts.bench.processes import Loopback, Process, free_port, running

LEAN: Final = "(a) FastAPI, aiohttp, orjson"
CLIENTS: Final = "(b) FastAPI, vendors' clients"
REMOTE: Final = "repartee, remote embedder and store"
EMBEDDED: Final = "repartee, embedded encoder and store"
NAMES: Final = (LEAN, CLIENTS, REMOTE, EMBEDDED)
_EMBED_MODEL: Final = "embed-multilingual-light-v3.0"


def service_settings(upstream: str, data_dir: Path, *, remote: bool) -> dict[str, str]:
    """Return the service's environment: the model always answers at the upstream."""
    settings = {
        "REPARTEE_DATA_DIR": str(data_dir),
        "REPARTEE_LLM__BASE_URL": f"{upstream}/v1",
        "REPARTEE_LLM__MODEL": "bench",
    }
    if not remote:
        return settings
    return settings | {
        "REPARTEE_COHERE__API_KEY": "bench",
        "REPARTEE_COHERE__BASE_URL": upstream,
        "REPARTEE_EMBEDDER__MODEL": _EMBED_MODEL,
        "REPARTEE_EMBEDDER__KIND": "cohere",
        "REPARTEE_RERANK__KIND": "none",
        "REPARTEE_QDRANT__URL": upstream,
        "REPARTEE_QDRANT__PREFER_GRPC": "false",
    }


@contextmanager
def service(name: str, upstream: str, folder: Path, *, remote: bool) -> Iterator[Process]:
    """Run the service; the embedded store gets the facts that the remote one has."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = ["-m", "repartee", "serve", "--port", str(port)]
    settings = service_settings(upstream, folder / "var", remote=remote)
    with running(name, command, port, settings, cwd=folder) as process:
        if not remote:
            load_facts(port)
        yield process


def load_facts(port: int) -> None:
    """Give the user the facts that the upstream's search finds."""
    _post(port, f"/users/{payloads.USER}/facts", {"facts": [{"text": text} for text in payloads.facts()]})


def _post(port: int, path: str, body: object) -> None:
    request = urllib.request.Request(  # our own service on loopback
        f"http://127.0.0.1:{port}{path}", orjson.dumps(body), {"content-type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        answer.read()


@contextmanager
def reference(name: str, module: str, upstream: str) -> Iterator[Process]:
    """Run a reference server with uvicorn's own choices: uvloop and httptools."""
    port = free_port()
    quiet = ["--no-access-log", "--log-level", "warning"]
    command = ["-m", "uvicorn", f"scripts.bench.{module}:app", "--port", str(port), *quiet]
    with running(name, command, port, {"BENCH_UPSTREAM": upstream}) as process:
        yield process


@contextmanager
def all_servers(upstream: Loopback, folder: Path) -> Iterator[Mapping[str, Process]]:
    """Run all of them beside each other; idle ones take no time."""
    with ExitStack() as stack:
        yield {
            LEAN: stack.enter_context(reference(LEAN, "reference_lean", upstream.url)),
            CLIENTS: stack.enter_context(reference(CLIENTS, "reference_clients", upstream.url)),
            REMOTE: stack.enter_context(service(REMOTE, upstream.url, folder / "remote", remote=True)),
            EMBEDDED: stack.enter_context(service(EMBEDDED, upstream.url, folder / "embedded", remote=False)),
        }
