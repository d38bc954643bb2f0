"""Ctrl-C and SIGTERM during a run: the first ends it in good order, the second at once."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

INTERRUPTED: Final = 130
"""Exit code of a run that was stopped."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first signal and leave the process at the second; within a running loop.

    To leave at once loses nothing that was committed.
    """
    loop = asyncio.get_running_loop()
    came = 0

    def on_signal() -> None:
        nonlocal came
        came += 1
        if came > 1:
            _say("ended at once; calls in flight are of unknown outcome")
            os._exit(INTERRUPTED)
        _say("stopping after the calls in flight; once more ends at once")
        stop()

    for number in _SIGNALS:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


def _say(text: str) -> None:
    try:
        sys.stderr.write(f"\n{text}\n")
        sys.stderr.flush()
    except OSError:  # the terminal is gone, which may be why the signal came
        return
