"""Storing many facts, batch by batch: what was acknowledged is never lost, and running it again is safe."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from repartee.application.add_facts import NewFact
from repartee.presentation.cli.facts_backend import FactsBackend
from repartee.presentation.cli.failures import EXPECTED, RunFailed, UserMistake, exit_status, one_line

BATCH: Final = 64
_AGAIN: Final = "running it again is safe"


def load_facts(
    backend: FactsBackend, user_id: str, facts: Sequence[NewFact], progress: Callable[[int], None]
) -> int:
    """Store the facts and return how many are stored; `progress` is told the running total.

    Raises RunFailed or UserMistake with one line that says how far it came.
    """
    stored = 0
    try:
        for batch in _batches(facts):
            stored += len(backend.add_facts(user_id, batch))
            progress(stored)
    except EXPECTED as error:
        failure = UserMistake if exit_status(error) == 2 else RunFailed
        raise failure(f"{_so_far(stored, facts, user_id)}: {one_line(error)}; {_AGAIN}") from None
    except KeyboardInterrupt:
        raise RunFailed(f"{_so_far(stored, facts, user_id)}: interrupted; {_AGAIN}") from None
    return stored


def facts_are(state: str, count: int, user_id: str) -> str:
    """Return how the facts of a user are, such as stored."""
    return f"{counted(count)} of {user_id} {'is' if count == 1 else 'are'} {state}"


def counted(count: int) -> str:
    """Return a number of facts in words."""
    return f"{count} fact{'' if count == 1 else 's'}"


def _so_far(stored: int, facts: Sequence[NewFact], user_id: str) -> str:
    return f"stored {stored} of {counted(len(facts))} of {user_id}"


def _batches(facts: Sequence[NewFact]) -> Iterator[Sequence[NewFact]]:
    return (facts[start : start + BATCH] for start in range(0, len(facts), BATCH))


@contextmanager
def shown_progress(total: int) -> Iterator[Callable[[int], None]]:
    """Show how far it is on standard error: a bar on a terminal, else plain lines now and then."""
    if not sys.stderr.isatty():
        yield _plain_lines(total)
        return
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("storing facts"), BarColumn(40), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)


def _plain_lines(total: int) -> Callable[[int], None]:
    step, shown = max(total // 10, 1), 0

    def show(done: int) -> None:
        nonlocal shown
        if done - shown >= step or done == total:
            shown = done
            print(f"stored {done} of {total}", file=sys.stderr, flush=True)

    return show
