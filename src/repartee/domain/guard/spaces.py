"""White space: at line ends, at the end of the reply, and blank lines in a row."""

from repartee.domain.guard.options import GuardOptions
from repartee.domain.guard.report import Ledger
from repartee.domain.guard.stage import Receiver, Stage


class Spaces(Stage):
    """Keeps white space until something visible follows. CR before LF counts as a trailing space."""

    def __init__(self, following: Receiver, ledger: Ledger, options: GuardOptions) -> None:
        super().__init__(following)
        self._ledger = ledger
        self._trims = options.spaces
        self._breaks = None if options.max_blank_lines is None else options.max_blank_lines + 1
        self._gap: list[str] = []

    def put(self, char: str, code: bool = False) -> None:
        """Take one character."""
        if code or not char.isspace():
            self._release()
            self._next.put(char, code)
        elif char == "\n":
            self._end_line()
        else:
            self._gap.append(char)

    @property
    def is_clear(self) -> bool:
        """Whether no more than a space is kept."""
        return not self._gap or self._gap == [" "]

    def put_words(self, words: str) -> None:
        """Take words: what was kept before them stays."""
        if self._gap:
            self._release()
        self._next.put_words(words)

    def close(self) -> None:
        """End the text: white space at its end goes."""
        if not self._trims:
            self._release()
        elif self._gap:
            self._ledger.note("spaces", removed=len(self._gap))

    def _end_line(self) -> None:
        if self._trims:
            self._drop_trailing()
        if self._breaks is not None and self._gap[-self._breaks :] == ["\n"] * self._breaks:
            self._ledger.note("blank_lines", removed=1)
        else:
            self._gap.append("\n")

    def _drop_trailing(self) -> None:
        before = len(self._gap)
        while self._gap and self._gap[-1] != "\n":
            self._gap.pop()
        if dropped := before - len(self._gap):
            self._ledger.note("spaces", removed=dropped)

    def _release(self) -> None:
        gap, self._gap = self._gap, []
        self._pass_on(gap)
