"""Thoughts in front of the reply: what a reasoning model writes between `<think>` and `</think>`."""

from typing import Final

from repartee.domain.guard.lines import Lines
from repartee.domain.guard.report import Ledger

_NAMES: Final = ("think", "thinking", "thought", "reasoning")
_OPENERS: Final = tuple(f"<{name}>" for name in _NAMES)


class Thoughts:
    """Removes blocks of thoughts that open the reply; nothing later is looked at.

    Servers with a parser for their model send thoughts apart, and they are not read then. A block that never
    ends leaves nothing of the reply.
    """

    def __init__(self, following: Lines, ledger: Ledger) -> None:
        self._next = following
        self._ledger = ledger
        self._head: str | None = ""
        self._closer = ""
        self._end = ""
        self._removed = 0

    @property
    def over(self) -> bool:
        """Whether all that comes is the reply."""
        return self._head is None and not self._closer

    def read(self, char: str) -> None:
        """Take one character of the raw reply."""
        if self._closer:
            self._think(char)
        elif self._head is None:
            self._next.read(char)
        else:
            self._open(self._head + char)

    def close(self) -> None:
        """End the text: what was only the beginning of a mark is text."""
        if self._head:
            self._release(self._head)
        if self._removed:
            self._ledger.note("thoughts", removed=self._removed)

    def _open(self, head: str) -> None:
        self._head = head
        mark = head.lstrip().lower()
        if mark in _OPENERS:
            self._closer, self._end = mark.replace("<", "</"), ""
            self._removed += len(head)
            self._head = ""
        elif not any(opener.startswith(mark) for opener in _OPENERS):
            self._release(head)

    def _think(self, char: str) -> None:
        self._removed += 1
        self._end = (self._end + char.lower())[-len(self._closer) :]
        if self._end == self._closer:
            self._closer = ""

    def _release(self, head: str) -> None:
        """Let go of what is no mark; of the white space behind thoughts nothing is left."""
        text = head.lstrip() if self._removed else head
        self._removed += len(head) - len(text)
        self._head = None
        for char in text:
            if self._ledger.cut_by is None:
                self._next.read(char)
