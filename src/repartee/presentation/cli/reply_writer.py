"""Writing a reply to the terminal while it comes in: whole words, wrapped, actions in italics."""

import re
from collections.abc import Callable
from typing import Final

from rich.cells import cell_len

_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ACTION_OPENS: Final = re.compile(r"[\"'“«(\[]*\*[^*\s]")
_ACTION_CLOSES: Final = re.compile(r"[^*\s]\*[^\w*]*$")


def printable(text: str) -> str:
    """Return `text` without what a terminal would obey: escape sequences lose their escape."""
    return _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\t", " "))


class ReplyWriter:
    """Takes a text piece by piece and writes it word by word.

    `write(text, in_action)` puts text on the screen; the first line starts in column `indent`, where the
    speaker's name ends, and so do the others.
    """

    def __init__(self, write: Callable[[str, bool], None], width: int, indent: int) -> None:
        self._write = write
        self._width = max(width - 1, indent + 10)
        self._indent = indent
        self._column = indent
        self._word = ""
        self._gap = ""
        self._in_action = False

    def feed(self, piece: str) -> None:
        """Take a piece; its last word waits until it is known to be whole."""
        for char in printable(piece):
            if char.isspace():
                self._finish_word()
                self._space(char)
            else:
                self._word += char
                if cell_len(char) == 2:  # scripts without spaces break anywhere
                    self._finish_word()

    def finish(self) -> None:
        """Write what waits."""
        self._finish_word()

    def _space(self, char: str) -> None:
        if char == "\n":
            self._gap = "\n\n" if self._gap.startswith("\n") else "\n"
            self._in_action = False
        elif not self._gap:
            self._gap = " "

    def _finish_word(self) -> None:
        word, self._word = self._word, ""
        if not word:
            return
        self._close_gap(cell_len(word))
        opens = not self._in_action and _ACTION_OPENS.match(word) is not None
        closes = _ACTION_CLOSES.search(word) is not None
        self._write(word, self._in_action or opens)
        self._in_action = (self._in_action or opens) and not closes
        self._column += cell_len(word)

    def _close_gap(self, word_cells: int) -> None:
        gap, self._gap = self._gap, ""
        if self._column == self._indent:
            return
        if gap.startswith("\n"):
            self._break(gap)
        elif self._column + len(gap) + word_cells > self._width:
            self._break("\n")
        elif gap:
            self._write(gap, self._in_action)
            self._column += 1

    def _break(self, line_ends: str) -> None:
        self._write(line_ends + " " * self._indent, False)
        self._column = self._indent
