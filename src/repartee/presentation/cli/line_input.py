"""Where the chat's lines come from: a person at a terminal, or a pipe."""

import signal
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import ColorDepth
from rich.cells import set_cell_size


class Stopped(KeyboardInterrupt):
    """Ctrl-C while something was going on that may be stopped."""


class TerminalLines:
    """Lines typed at a prompt, earlier ones on the arrow keys. Ctrl-C clears the line, Ctrl-D ends."""

    def __init__(self, name: str, width: int, *, color: bool = True) -> None:
        style = "bold ansicyan" if color else "bold"
        self._label = FormattedText([(style, f"{set_cell_size(name, width)} › ")])
        self._session: PromptSession[str] = PromptSession(
            history=InMemoryHistory(),
            key_bindings=_keys(),
            color_depth=None if color else ColorDepth.DEPTH_1_BIT,
        )

    def __iter__(self) -> Iterator[str]:
        while True:
            try:
                yield _clean(self._session.prompt(self._label))
            except KeyboardInterrupt:
                continue
            except EOFError:
                return


class PipedLines:
    """Lines of standard input; one that is not text is a problem and is passed over."""

    def __init__(self, problem: Callable[[str], None]) -> None:
        self._problem = problem

    def __iter__(self) -> Iterator[str]:
        for number, raw in enumerate(sys.stdin.buffer, start=1):
            try:
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError:
                self._problem(f"standard input, line {number}: is not UTF-8 text")


class Interrupts:
    """Who gets Ctrl-C while it is held: the work that allows it, else nobody."""

    def __init__(self) -> None:
        self._allowed = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Take Ctrl-C over, and keep what is typed during a reply from showing in the middle of it."""
        before = signal.signal(signal.SIGINT, self._arrived)
        ended = signal.signal(signal.SIGTERM, _end)
        try:
            with _silent_keys():
                yield
        finally:
            signal.signal(signal.SIGINT, before)
            signal.signal(signal.SIGTERM, ended)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Let one Ctrl-C stop the block by raising Stopped."""
        self._allowed = True
        try:
            yield
        finally:
            self._allowed = False

    def _arrived(self, _number: int, _frame: FrameType | None) -> None:
        if self._allowed:
            self._allowed = False
            raise Stopped


_LOCAL_FLAGS: Final = 3


@contextmanager
def _silent_keys() -> Iterator[None]:
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    silent = termios.tcgetattr(terminal)
    silent[_LOCAL_FLAGS] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, silent)
    try:
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(terminal, termios.TCSANOW, before)


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("c-c")
    def _clear(event: KeyPressEvent) -> None:
        event.current_buffer.reset()

    return keys


def _clean(line: str) -> str:
    """Return the line without the lone surrogates that stand for bytes which are not UTF-8."""
    return line.encode("utf-8", "replace").decode().strip()
