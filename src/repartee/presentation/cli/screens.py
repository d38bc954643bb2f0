"""What the chat shows: on a terminal with styles, in a pipe as plain lines."""

import sys
from collections.abc import Sequence
from typing import Protocol

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from repartee.application.generate_reply import UsedFact
from repartee.presentation.cli.banner import OFFLINE
from repartee.presentation.cli.reply_writer import ReplyWriter, printable

_LONGEST_NAME = 20


class Screen(Protocol):
    """Where the chat goes."""

    def introduce(self, character: str, user: str, model: str) -> None:
        """Say who talks to whom, by means of what."""

    def note(self, text: str) -> None:
        """Say something about the chat."""

    def notice(self, text: str) -> None:
        """Tell the user what the law or the operator wants told; it must be seen."""

    def problem(self, text: str) -> None:
        """Say in one line what went wrong."""

    def result(self, lines: Sequence[str]) -> None:
        """Show what a command was asked for."""

    def begin_reply(self, name: str) -> None:
        """Open a reply of the character."""

    def piece(self, text: str) -> None:
        """Show the next piece of the reply."""

    def end_reply(self, facts: Sequence[UsedFact], note: str | None) -> None:
        """Close the reply, with the facts that it was made from and a remark."""


class TerminalScreen(Screen):
    """Names in colour, actions in italics, facts dimmed."""

    def __init__(self, *, color: bool = True) -> None:
        self._console = Console(no_color=None if color else True, highlight=False, markup=False, emoji=False)
        self.label_width = 0
        self._writer: ReplyWriter | None = None
        self._noted = False

    def introduce(self, character: str, user: str, model: str) -> None:
        """Write the headline."""
        self.label_width = min(max(cell_len(character), cell_len(user)), _LONGEST_NAME)
        self._console.print(Text(printable(f"{character} and {user}"), style="bold"))
        self.note(described_model(model))
        self.note("/help lists the commands")

    def note(self, text: str) -> None:
        """Say something about the chat."""
        self._console.print(Text(printable(text), style="dim"))
        self._noted = True

    def notice(self, text: str) -> None:
        """Tell the user something that must be seen."""
        self._console.print(Text(printable(text), style="bold yellow"))
        self._noted = True

    def problem(self, text: str) -> None:
        """Say in one line what went wrong."""
        self._console.print(Text(printable(text), style="red"))
        self._console.print()

    def result(self, lines: Sequence[str]) -> None:
        """Show what a command was asked for."""
        for line in lines:
            self._console.print(Text(printable(line)))
        self._console.print()

    def begin_reply(self, name: str) -> None:
        """Write the character's name; remarks before it are set apart."""
        if self._noted:
            self._console.print()
            self._noted = False
        self._put(f"{set_cell_size(printable(name), self.label_width)} › ", "bold magenta")
        self._writer = ReplyWriter(self._put_words, self._console.width, self.label_width + 3)

    def piece(self, text: str) -> None:
        """Write the next words."""
        if self._writer:
            self._writer.feed(text)

    def end_reply(self, facts: Sequence[UsedFact], note: str | None) -> None:
        """Write the last word and the facts."""
        if self._writer:
            self._writer.finish()
            self._writer = None
        self._console.print()
        for line in [*map(_fact_line, facts), *([note] if note else [])]:
            below = Padding(Text(f"· {printable(line)}", style="dim"), (0, 0, 0, self.label_width + 3))
            self._console.print(below)
        self._console.print()

    def _put_words(self, text: str, in_action: bool) -> None:
        self._put(text, "italic" if in_action else "")

    def _put(self, text: str, style: str) -> None:
        self._console.print(Text(text, style=style, end=""), end="", soft_wrap=True)


class PlainScreen(Screen):
    """Replies and results on standard output; facts, remarks and errors on standard error."""

    def __init__(self) -> None:
        self.failed = False
        self._pieces: list[str] = []

    def introduce(self, character: str, user: str, model: str) -> None:
        """Say it beside the replies."""
        self.note(f"{character} and {user}, {described_model(model)}")

    def note(self, text: str) -> None:
        """Say something about the chat."""
        print(printable(text), file=sys.stderr, flush=True)

    def notice(self, text: str) -> None:
        """Say it beside the replies, which a program may read."""
        self.note(f"notice: {text}")

    def problem(self, text: str) -> None:
        """Say in one line what went wrong, and remember that something did."""
        self.failed = True
        self.note(f"error: {text}")

    def result(self, lines: Sequence[str]) -> None:
        """Show what a command was asked for."""
        for line in lines:
            print(printable(line), flush=True)

    def begin_reply(self, name: str) -> None:  # noqa: ARG002  # nobody else speaks here
        """Begin with nothing."""
        self._pieces = []

    def piece(self, text: str) -> None:
        """Keep the piece until the reply is whole."""
        self._pieces.append(text)

    def end_reply(self, facts: Sequence[UsedFact], note: str | None) -> None:
        """Write the reply."""
        print(printable("".join(self._pieces)).strip(), flush=True)
        for line in [*map(_fact_line, facts), *([note] if note else [])]:
            self.note(f"  · {line}")


def _fact_line(fact: UsedFact) -> str:
    return f"{fact.text} ({fact.score:.2f})"


def described_model(model: str) -> str:
    """Return what answers; the offline responder is never passed off as a model."""
    if model == OFFLINE:
        return "offline responder, not a language model (set REPARTEE_LLM__API_KEY for one)"
    return f"model {model}"
