"""Line starts: own name, other speakers, and the borders of code blocks."""

from typing import Final

import regex

from repartee.domain.guard.heads import head_pattern
from repartee.domain.guard.options import GuardOptions
from repartee.domain.guard.report import GuardContext, Ledger
from repartee.domain.guard.stage import Link, Receiver

_CLOSING_INDENT: Final = 3


class Lines(Link):
    """Reads each line's head until it can be nothing special; the rest of the line passes at once.

    A name counts with its colon, plain or in asterisks, underscores or brackets, in any case of letters.
    Code runs from a fence at a line's start to one at least as long, as CommonMark says (spec 0.31, 4.5).
    """

    def __init__(
        self, following: Receiver, ledger: Ledger, context: GuardContext, options: GuardOptions
    ) -> None:
        super().__init__(following)
        self._ledger = ledger
        self._first = head_pattern(context, options, at_start=True)
        self._later = head_pattern(context, options, at_start=False)
        self._drops_leading = options.spaces
        self._head: str | None = ""
        self._started = False
        self._after_name = False
        self._bold = ""
        self._code: _Code | None = None

    def read(self, char: str) -> None:
        """Take one character of the raw reply."""
        if self._code is not None:
            self._put_code(char, self._code)
        elif self._head is None:
            self._put_inside(char)
        elif self._head or not self._is_dropped(char):
            self._after_name = False
            self._read(self._head + char)

    @property
    def is_clear(self) -> bool:
        """Whether it is inside a line that is no code."""
        return self._head is None and self._code is None

    def read_words(self, words: str) -> None:
        """Take words in a row."""
        if self._head is None and self._code is None:
            self._next.put_words(words)
            return
        for place, char in enumerate(words):
            if self.done:
                return
            if self.is_clear:
                self._next.put_words(words[place:])
                return
            self.read(char)

    def close(self) -> None:
        """End the text: a head that waits is what it is, an open code block is closed."""
        if self._head:
            self._read_last(self._head)
        if self._code is not None and (missing := self._code.missing()):
            self._ledger.note("fence", added=len(missing))
            self._pass_on(missing, code=True)

    def _is_dropped(self, char: str) -> bool:
        """Spaces before the reply; spaces and the end of bold type behind a name that was removed."""
        leading = not self._started and self._drops_leading and char.isspace()
        behind = self._after_name and (char == self._bold[:1] or (char.isspace() and char != "\n"))
        if behind and not char.isspace():
            self._bold = self._bold[1:]
        if leading or behind:
            self._ledger.note("own_name" if behind else "spaces", removed=1, times=int(not behind))
        return leading or behind

    def _read(self, head: str) -> None:
        match = self._pattern.match(head, partial=True)
        if match is None:
            self._release(head)
        elif match.partial:
            self._head = head
        else:
            self._act(match, head)

    def _read_last(self, head: str) -> None:
        """A name without colon and a fence end with their line, and the text's end is one."""
        match = self._pattern.match(head + "\n")
        self._head = None
        if match is None or match.lastgroup == "token":
            self._pass_on(head)
        else:
            self._act(match, head)

    @property
    def _pattern(self) -> "regex.Pattern[str]":
        return self._later if self._started else self._first

    def _act(self, match: "regex.Match[str]", head: str) -> None:
        if match.lastgroup == "speaker":
            self._ledger.cut("speaker", removed=len(head))
            self.done = True
        elif match.lastgroup == "fence":
            self._open_code(head)
        else:
            self._ledger.note("own_name" if match.lastgroup == "own" else "special_token", removed=len(head))
            self._head = ""
            self._after_name = match.lastgroup == "own"
            self._bold = match.groupdict().get("bold") or ""

    def _open_code(self, head: str) -> None:
        self._started, self._head = True, None
        self._code = _Code(head.strip(" \n"))
        for char in head:
            self._put_code(char, self._code)

    def _put_code(self, char: str, code: "_Code") -> None:
        ended = code.see(char)
        self._next.put(char, not ended)
        if ended:
            self._code, self._head = None, ""

    def _put_inside(self, char: str) -> None:
        self._next.put(char)
        if char == "\n":
            self._head = ""

    def _release(self, head: str) -> None:
        self._started = self._started or not head.isspace()
        self._head = None
        for char in head:
            self._put_inside(char)


class _Code:
    """One code block, from the first character of its opening fence."""

    def __init__(self, opening: str) -> None:
        self._sign = opening[0]
        self._length = len(opening) - len(opening.lstrip(self._sign))
        self._line: list[str] = []
        self._opened = False

    def see(self, char: str) -> bool:
        """Return whether `char` is the line break behind the closing fence."""
        if char != "\n":
            self._line.append(char)
            return False
        closed = self._opened and self._missing_signs() == 0
        self._opened = True
        self._line.clear()
        return closed

    def missing(self) -> str:
        """Return what has to follow for the block to be closed at this place."""
        line = "".join(self._line)
        signs = self._missing_signs() if self._opened else None
        if signs is not None and (signs == 0 or not line or line.endswith(self._sign)):
            return self._sign * signs
        return "\n" + self._sign * self._length

    def _missing_signs(self) -> int | None:
        """Count the signs that the line lacks to be a closing fence; None where it cannot be one."""
        line = "".join(self._line)
        indent = len(line) - len(line.lstrip(" "))
        fence = line.strip()
        if indent > _CLOSING_INDENT or fence.strip(self._sign):
            return None
        return max(self._length - len(fence), 0)
