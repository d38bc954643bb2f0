"""Marks that come in pairs: how they stand between their neighbours, and which of them are needed.

The sides follow CommonMark's flanking runs (spec 0.31, 6.2), told by the characters around a whole cluster of
marks, so that removing one of them never changes how the others stand.
"""

import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from repartee.domain.guard.characters import kind_of

CLOSED_BY: Final = {"“": "”", "„": "“”", "«": "»", "「": "」", "『": "』", "»": "«", "”": "”"}
MARKS: Final = frozenset('*"“”„«»「」『』')
_TURNED: Final = frozenset("»”")
"""Closing marks that also open: »so« in German, ”så” in Swedish."""
_DEEPEST: Final = 4
LONGEST_STARS: Final = 3

Side = Literal["left", "right", "inside", "neither"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cluster of marks stands. `before` and `after` are the nearest characters that are no marks.

    `gap`: white space comes before it. `line_has_text`: something but marks stands before it on its line.
    """

    before: str
    after: str
    gap: bool
    line_has_text: bool

    @property
    def at_line_end(self) -> bool:
        """Whether the line or the text ends behind the cluster."""
        return self.after in {"", "\n"}

    @property
    def side(self) -> Side:
        """What the marks can be: `left` opens, `right` closes, `inside` either, `neither` none."""
        space_before = self.gap or not self.before
        space_after = not self.after or self.after.isspace()
        if space_before or space_after:
            return "neither" if space_before and space_after else "left" if space_before else "right"
        letter_before, letter_after = _is_letter(self.before), _is_letter(self.after)
        if letter_before == letter_after:
            return "inside"
        return "right" if letter_before else "left"

    @property
    def in_word(self) -> bool:
        """Whether it stands between two letters of a script that puts spaces between words."""
        around = (self.before, self.after)
        return self.side == "inside" and all(map(_is_letter, around)) and "wide" not in map(kind_of, around)


class Marks:
    """Decides mark by mark, for one paragraph. A verdict is the text to write, or None: it stands free.

    Asterisks: `f*ck`, `2*3`, bullets and `***` lines are no marks; one that closes what another length opened
    takes that length; one that opens what is open already goes. Straight quotation marks open and close in
    turn; one that can only close goes where none came before it. The others close only what they belong to.
    """

    def __init__(self) -> None:
        self._open: list[str] = []
        self._in_word = False
        self._quotes = 0

    def verdict(self, run: str, place: Place) -> str | None:
        """Return what becomes of a mark."""
        if run[0] == "*":
            return self._stars(run, place)
        return self._straight(place) if run == '"' else self._paired(run, place)

    def starts_anew(self, run: str, place: Place) -> bool:
        """Whether the mark opens a line although one like it is open from a line before."""
        return run[0] == "*" and run in self._open and place.side == "left" and not place.line_has_text

    def close(self, mark: str) -> None:
        """Take note that the last opened of these marks is closed."""
        del self._open[len(self._open) - 1 - self._open[::-1].index(mark)]

    def missing(self) -> list[str]:
        """Return the marks that close what is open, the last opened first."""
        return [_closer(mark) for mark in reversed(self._open)]

    def _stars(self, run: str, place: Place) -> str | None:
        if len(run) > LONGEST_STARS:
            return run
        side = place.side
        if side == "neither":
            closes = self._open_stars() if place.line_has_text else run in self._open and place.at_line_end
            return self._close_stars(run) if closes else None
        if side == "right" or (side == "inside" and self._open_stars()):
            digits = place.before.isdecimal() and place.after.isdecimal()
            return run if digits else self._close_stars(run)
        if place.in_word:
            self._in_word = True
            return run
        return "" if run in self._open else self._opened(run)

    def _open_stars(self) -> list[str]:
        return [mark for mark in self._open if mark[0] == "*"]

    def _close_stars(self, run: str) -> str:
        stars = self._open_stars()
        if run == "***" and {"*", "**"} <= set(stars):
            self._open = [mark for mark in self._open if mark[0] != "*"]
            return run
        if stars:
            mark = run if run in stars else stars[-1]
            self.close(mark)
            return mark
        was_in_word, self._in_word = self._in_word, False
        return run if was_in_word else ""

    def _opened(self, mark: str) -> str:
        stars = self._open_stars() if mark[0] == "*" else []
        if len(self._open) >= _DEEPEST or "***" in stars or (mark == "***" and stars):
            return ""
        self._open.append(mark)
        return mark

    def _straight(self, place: Place) -> str | None:
        side = place.side
        if '"' in self._open:
            self._open.remove('"')
        elif side == "neither":
            return None
        elif side == "right":
            return '"' if self._quotes or place.before.isdecimal() else ""
        elif not place.in_word:
            self._quotes += 1
            return self._opened('"')
        return '"'

    def _paired(self, char: str, place: Place) -> str | None:
        side = place.side
        opens = char in CLOSED_BY and char not in _TURNED
        partner = next((mark for mark in reversed(self._open) if char in CLOSED_BY.get(mark, "")), None)
        if partner is not None and not (opens and side == "left"):
            self.close(partner)
            return char
        if side == "neither":
            return None if opens else ""
        wanted = side in {"left", "inside"} if opens else side == "left" and char in _TURNED
        return self._opened(char) if wanted else ""


def runs_of(cluster: str) -> list[str]:
    """Split a cluster: asterisks in a row are one mark, the others stand for themselves."""
    runs: list[str] = []
    for char in cluster:
        if char == "*" and runs and runs[-1][0] == "*":
            runs[-1] += char
        else:
            runs.append(char)
    return runs


def _closer(mark: str) -> str:
    return mark if mark[0] in '*"' else CLOSED_BY[mark][0]


def _is_letter(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char).startswith("M")
