"""Progress of a run on standard error: a bar on a terminal, a plain line every few seconds elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from repartee_eval.runs.summary import Progress

_SECONDS_BETWEEN_LINES: Final = 5.0


@contextmanager
def shown_progress(
    stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[Progress], None]]:
    """Give what a runner calls with its progress; the bar is gone when the block ends."""
    stream = sys.stderr if stream is None else stream
    if not stream.isatty():
        yield _Lines(stream, clock)
        return
    columns = (BarColumn(bar_width=24), TextColumn("{task.description}", markup=False))
    with Bar(*columns, console=Console(file=stream), transient=True) as bar:
        yield _Painter(bar, bar.add_task("", total=None))


def status_line(progress: Progress) -> str:
    """Return a run's state in one line: done, rate, time left, money, failures, concurrency."""
    total = "?" if progress.total is None else f"{progress.total}"
    now = progress.done - progress.kept
    rate = now / progress.seconds if progress.seconds > 0 else 0.0
    parts = [f"{progress.done}/{total}", f"{rate:.1f}/s", _left(progress, rate), f"${progress.spent:.4f}"]
    if progress.failed:
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(progress.failed.items()))
        parts.append(f"failed: {reasons}")
    for state in progress.endpoints:
        parts.append(f"{state.in_flight} of {state.limit} in flight")
        if state.pause > 0:
            parts.append(f"waiting {state.pause:.0f} s as it asked")
    if progress.stopping:
        parts.append("stopping")
    return " · ".join(part for part in parts if part)


def _left(progress: Progress, rate: float) -> str:
    if progress.total is None or rate <= 0:
        return ""
    seconds = round(max(0, progress.total - progress.done) / rate)
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours}:{minutes:02}:{seconds % 60:02} left"


class _Painter:
    def __init__(self, bar: Bar, task: TaskID) -> None:
        self._bar = bar
        self._task = task

    def __call__(self, progress: Progress) -> None:
        line = status_line(progress)
        self._bar.update(self._task, description=line, completed=progress.done, total=progress.total)


class _Lines:
    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._next = clock() + _SECONDS_BETWEEN_LINES

    def __call__(self, progress: Progress) -> None:
        if self._clock() < self._next:
            return
        self._next = self._clock() + _SECONDS_BETWEEN_LINES
        self._stream.write(f"{status_line(progress)}\n")
        self._stream.flush()
