"""What commands share that judge replies by themselves: the open run, and the files that it leaves."""

import json
import os
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from repartee_eval.cli.single_options import SingleChosen
from repartee_eval.errors import EvalError
from repartee_eval.run_session import Limits, Order, Session, open_session
from repartee_eval.runs.progress import shown_progress
from repartee_eval.runs.stop_signals import INTERRUPTED
from repartee_eval.runs.summary import RunSummary
from repartee_eval.settings import JudgeSettings


@asynccontextmanager
async def single_session(
    order: Order, chosen: SingleChosen, settings: JudgeSettings
) -> AsyncIterator[Session]:
    """Open the run with the limits that were chosen, and progress on standard error."""
    with shown_progress() as progress:
        limits = Limits(chosen.budget, chosen.in_flight or settings.max_in_flight, progress)
        async with open_session(replace(order, limits=limits)) as session:
            yield session


def leave_if_stopped(summary: RunSummary) -> None:
    """Say what the session did; leave where a person stopped it."""
    for line in summary.lines():
        click.echo(line, err=True)
    if summary.stopped:
        sys.exit(INTERRUPTED)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises EvalError."""
    _write(path, [text.encode()])


def write_lines(path: Path, lines: Iterable[dict[str, Any]]) -> int:
    """Write JSON Lines; return how many. Raises EvalError."""
    encoded = [json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n" for line in lines]
    _write(path, encoded)
    return len(encoded)


def _write(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file that its owner alone may read: it holds what users wrote."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
            file.writelines(parts)
        fresh.replace(path)
    except OSError as error:
        raise EvalError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        fresh.unlink(missing_ok=True)
