"""metrics.jsonl: one line per log of the trainer, written as it happens."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "metrics.jsonl"


def append_metrics(folder: Path, line: Mapping[str, Any]) -> None:
    """Add one line."""
    with (folder / FILE).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Read all whole lines, oldest first; a line that a kill cut short is left out."""
    path = folder / FILE
    if not path.is_file():
        return []
    lines = path.read_text("utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1] if line]


def forget_after(folder: Path, step: int) -> None:
    """Take out lines of steps that will be taken again."""
    kept = [line for line in read_metrics(folder) if line["step"] <= step]
    temporary = folder / f".{FILE}.tmp"
    temporary.write_text("".join(json.dumps(line) + "\n" for line in kept), "utf-8")
    temporary.replace(folder / FILE)
