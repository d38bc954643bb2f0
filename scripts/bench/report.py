"""The figures as tables, ratios beside them, and what the targets say."""

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from scripts.bench.measure import SEEN_BEFORE, Cell
from scripts.bench.servers import CLIENTS, LEAN, REMOTE

_PACKAGES: Final = (
    "fastapi", "starlette", "uvicorn", "uvloop", "httptools", "aiohttp", "orjson", "pydantic", "openai",
    "qdrant-client", "qdrant-edge-py", "onnxruntime",
)  # fmt: skip
Replies = Mapping[Cell, Mapping[str, float]]
Streams = Mapping[str, Mapping[str, float]]


def machine() -> dict[str, Any]:
    """Return what the figures hold for."""
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.release(),
        "python": platform.python_version(),
        "load_average": [round(one, 2) for one in os.getloadavg()],
        "packages": {name: version(name) for name in _PACKAGES},
    }


def as_rows(replies: Replies) -> list[dict[str, Any]]:
    """Return one row per cell, with its CPU as a multiple of (a)'s in the same cell."""
    rows = []
    for (name, delay, clients), figures in replies.items():
        floor = replies.get((LEAN, delay, clients), {}).get("cpu_us")
        ratio = round(figures["cpu_us"] / floor, 2) if floor and figures["cpu_us"] else None
        row = {"server": name, "model_ms": delay, "concurrency": clients}
        rows.append({**row, **figures, "times_a": ratio})
    return rows


def verdicts(replies: Replies, streams: Streams, clients: int) -> list[dict[str, Any]]:
    """Return each target with what was found in the cells of so many clients, and where (a) stands itself."""
    quick = {name: replies[name, 0, clients]["cpu_us"] for name in (LEAN, CLIENTS, REMOTE, SEEN_BEFORE)}
    relay, ours = (streams[name]["cpu_ms_per_1000_chunks"] for name in ("(a) byte pass-through", "repartee"))
    found = [
        ("CPU per request, times (a)", quick[REMOTE] / quick[LEAN], 1.0, "<=", 1.6),
        ("CPU per request of (b), times ours", quick[CLIENTS] / quick[REMOTE], None, ">=", 8.0),
        ("CPU ms without the encoder's forward pass", quick[SEEN_BEFORE] / 1e3, None, "<=", 1.0),
        *(
            (f"added p50 ms over a model of 50 ms, {count} at once", *_added_ms(replies, count), "<=", 3.0)
            for count in (1, clients)
            if (REMOTE, 50, count) in replies
        ),
        ("CPU per streamed chunk, times a byte pass-through", ours / max(relay, 1e-9), 1.0, "<=", 1.5),
    ]
    return [
        {
            "target": name,
            "found": round(value, 2),
            "of_a": None if of_a is None else round(of_a, 2),
            "wanted": f"{sign} {limit:g}",
            "met": value <= limit if sign == "<=" else value >= limit,
        }
        for name, value, of_a, sign, limit in found
    ]


def _added_ms(replies: Replies, clients: int) -> tuple[float, float]:
    """Return what we and (a) add to the median answer of a model that takes 50 ms."""
    direct = replies["direct", 50, clients]["p50_ms"]
    ours, lean = (replies[name, 50, clients]["p50_ms"] - direct for name in (REMOTE, LEAN))
    return ours, lean


def show(title: str, rows: list[dict[str, Any]]) -> None:
    """Print rows as a table."""
    if not rows:
        return
    table = Table(title=title, title_justify="left")
    for name in rows[0]:
        table.add_column(name, justify="left" if isinstance(rows[0][name], str) else "right")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in rows[0]))
    Console(width=150).print(table)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}" if value >= 100 else f"{value:.2f}"
    return "" if value is None else str(value)
