"""Asterisks and quotation marks that lack their partner, paragraph by paragraph."""

from typing import Final

from repartee.domain.guard.marks import LONGEST_STARS, MARKS, Marks, Place, runs_of
from repartee.domain.guard.options import GuardOptions
from repartee.domain.guard.report import Ledger
from repartee.domain.guard.stage import Receiver, Stage

_LONGEST_CLUSTER: Final = 8


class Balance(Stage):
    """Closes what a paragraph leaves open, and drops marks that close or open nothing.

    Keeps back white space, up to eight marks in a row until what follows them is known, and marks that stand
    free between spaces until the line goes on. More than eight in a row are decoration and pass. Apostrophes
    are no quotation marks. `closes_end`: whether the end of the text is the end of its last paragraph.
    """

    def __init__(
        self, following: Receiver, ledger: Ledger, _options: GuardOptions, *, closes_end: bool
    ) -> None:
        super().__init__(following)
        self._ledger = ledger
        self._closes_end = closes_end
        self._marks = Marks()
        self._cluster = ""
        self._decoration = False
        self._gap: list[str] = []
        self._breaks = 0
        self._dropped_in_gap = False
        self._before = ""
        self._line_has_text = False
        self._tail = 0

    def put(self, char: str, code: bool = False) -> None:
        """Take one character; code is a paragraph of its own."""
        if code:
            self._end_paragraph("\n")
            self._release_gap()
            self._next.put(char, code)
        elif char in MARKS:
            self._add_mark(char)
        else:
            if self._cluster or self._decoration:
                self._settle(char)
            self._add_space(char) if char.isspace() else self._add_visible(char)

    @property
    def is_clear(self) -> bool:
        """Whether no mark is undecided and no more than a space is kept."""
        return not (self._cluster or self._decoration) and (not self._gap or self._gap == [" "])

    def put_words(self, words: str) -> None:
        """Take words, without marks."""
        if self._cluster or self._decoration:
            self._settle(words[0])
        if self._gap and words[0] == " ":
            self._gap.append(" ")
            words = words[1:]
        if self._gap:
            self._release_gap()
        self._next.put_words(words)
        self._before, self._line_has_text, self._tail = words[-1], True, 0
        self._dropped_in_gap = False

    def close(self) -> None:
        """End the text."""
        if self._closes_end:
            self._end_paragraph("")
        self._settle("")
        self._clean_gap()
        self._release_gap()

    def _add_mark(self, char: str) -> None:
        if self._decoration:
            self._write(char)
            return
        self._cluster += char
        if len(self._cluster) > _LONGEST_CLUSTER:
            self._decoration = True
            self._write(self._cluster)
            self._cluster = ""

    def _add_space(self, char: str) -> None:
        if char == "\n":
            self._clean_gap()
            self._line_has_text = False
            self._breaks += 1
            if self._breaks > 1:
                self._end_paragraph("\n")
        self._gap.append(char)

    def _add_visible(self, char: str) -> None:
        if self._gap:
            self._release_gap()
        self._next.put(char)
        self._before = char
        self._line_has_text = True
        self._tail = 0
        self._dropped_in_gap = False

    def _settle(self, after: str) -> None:
        """Decide on the marks in a row that `after` follows."""
        self._decoration = False
        if not self._cluster:
            return
        cluster, self._cluster = self._cluster, ""
        place = Place(self._before, after, bool(self._gap), self._line_has_text)
        for run in runs_of(cluster):
            if self._marks.starts_anew(run, place):
                self._close_line_before(run)
            self._apply(run, self._marks.verdict(run, place))

    def _apply(self, run: str, verdict: str | None) -> None:
        if not verdict and not self._line_has_text:
            self._write_plain(run)
        elif verdict is None:
            self._gap.append(run)
            self._dropped_in_gap = True
        elif verdict == run:
            self._write_plain(run) if len(run) > LONGEST_STARS else self._write(run)
        else:
            self._repair(run, verdict)

    def _repair(self, run: str, verdict: str) -> None:
        change = len(verdict) - len(run)
        self._ledger.note("balance", removed=max(-change, 0), added=max(change, 0))
        if verdict:
            self._write(verdict)
        else:
            self._dropped_in_gap = True

    def _close_line_before(self, run: str) -> None:
        """Close an action that the next line opens again, at the end of its own line."""
        if self._tail + len(run) <= _LONGEST_CLUSTER:
            self._pass_on(run)
            self._marks.close(run)
            self._ledger.note("balance", added=len(run))

    def _write(self, text: str) -> None:
        self._release_gap()
        self._pass_on(text)
        self._tail += len(text)

    def _write_plain(self, text: str) -> None:
        """Write marks that are none, such as a bullet. Nothing may be closed right behind them.

        At a line's start this is the fate of every mark without a partner: what is behind it may be a name
        that is one only at a line's start.
        """
        self._write(text)
        self._tail = _LONGEST_CLUSTER

    def _clean_gap(self) -> None:
        """Drop marks that stand free at the end of a line, and the spaces before dropped ones."""
        if not self._dropped_in_gap:
            return
        self._dropped_in_gap = False
        while self._gap and self._gap[-1] != "\n":
            if (item := self._gap.pop())[0] in MARKS:
                self._ledger.note("balance", removed=len(item))

    def _release_gap(self) -> None:
        gap, self._gap = self._gap, []
        self._breaks, self._dropped_in_gap = 0, False
        for item in gap:
            self._tail = 0
            self._pass_on(item)

    def _end_paragraph(self, after: str) -> None:
        """Close what is open, before the white space that ends the paragraph."""
        self._settle(after)
        missing = "".join(self._marks.missing())
        if missing and self._tail + len(missing) <= _LONGEST_CLUSTER:
            self._ledger.note("balance", added=len(missing))
            self._pass_on(missing)
        self._marks = Marks()
