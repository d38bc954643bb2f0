"""The two commands in this process, and rows for them."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from repartee_tune.cli.data import data
from repartee_tune.cli.export import export
from repartee_tune.cli.one_line_errors import OneLineErrors


def run(*arguments: object) -> Result:
    """Run a command; what it does not expect is raised."""
    group = OneLineErrors("tune", {"data": data, "export": export})
    result = CliRunner().invoke(group, list(map(str, arguments)))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


async def run_beside(*arguments: object) -> Result:
    """Run a command from a test that has an event loop of its own."""
    with ThreadPoolExecutor(1) as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, lambda: run(*arguments))


def failed(result: Result) -> str:
    """Return the one line that a failure has to be."""
    assert result.exit_code in {1, 2}
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("error: ").strip()


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def pair(number: int, **fields: Any) -> dict[str, Any]:
    """Return a row whose words are all its own."""
    asked = f"{number} what is behind the {number * 7919} doors of the {number * 104729}th house?"
    return {
        "prompt": [{"role": "system", "content": "You are Marlow."}, {"role": "user", "content": asked}],
        "chosen": [{"role": "assistant", "content": f"{number * 15485863} letters; read them, {number}."}],
        "rejected": [{"role": "assistant", "content": f"As an AI model {number * 32452843} I cannot."}],
        "dialogue": f"d{number // 2}",
        "character": f"c{number % 4}",
        "user": f"u{number % 5}",
        **fields,
    }


def feedback(number: int, label: bool, **fields: Any) -> dict[str, Any]:
    row = pair(number, **fields)
    completion = row.pop("chosen") if label else row.pop("rejected")
    row.pop("rejected" if label else "chosen")
    return {**row, "completion": completion, "label": label}
