"""The beginning of a reply, kept back while it may be what was said before."""

from collections.abc import Set as AbstractSet
from typing import Final

from repartee.application.ports import Turn
from repartee.domain.turn_mode import folded

_LEAST_OVERLAP: Final = 8  # characters: less of it comes about by chance


class Opening:
    """Lets a guarded text through; this one lets all of it."""

    stale = False

    def feed(self, piece: str) -> str:
        """Take the next piece and return what can be shown now."""
        return piece

    def close(self) -> str:
        """Return what was kept back. `stale` then says whether the text had been given before."""
        return ""


class FreshOpening(Opening):
    """Keeps back what begins like an alternative, so that one given again is never shown in part.

    `given` holds the folded texts of other replies to the request; it may grow meanwhile.
    """

    def __init__(self, avoid: tuple[str, ...], given: AbstractSet[str] = frozenset()) -> None:
        self._avoid = frozenset(map(folded, avoid))
        self._given = given
        self._kept = ""
        self._passed = False

    def feed(self, piece: str) -> str:
        """Return nothing until the text differs from every alternative."""
        if self._passed:
            return piece
        self._kept += piece
        begun = folded(self._kept)
        if any(text.startswith(begun) for text in (*self._avoid, *self._given)):
            return ""
        self._passed = True
        return self._kept

    def close(self) -> str:
        """Return what was kept back: a whole alternative, or the beginning of one."""
        if self._passed:
            return ""
        self.stale = folded(self._kept) in self._avoid | self._given
        return self._kept


class ContinuedOpening(Opening):
    """Drops from the beginning what repeats the end of the message that is continued."""

    def __init__(self, before: str) -> None:
        self._before = before.rstrip()
        self._simple = _plain(self._before)[0]
        self._kept = ""
        self._passed = False

    def feed(self, piece: str) -> str:
        """Return nothing while the text may still be a repetition."""
        if self._passed:
            return piece
        self._kept += piece
        begun = _plain(self._kept)[0].strip()
        if begun in self._simple:
            return ""
        self._passed = True
        return continuation(self._before, self._kept)

    def close(self) -> str:
        """Return what is left of what was kept back."""
        return "" if self._passed else continuation(self._before, self._kept)


def continuation(before: str, text: str) -> str:
    """Return the text without its beginning where that repeats the end of `before`."""
    text = text.lstrip()
    end, (begun, raw_ends) = _plain(before.rstrip())[0], _plain(text)
    for length in range(min(len(end), len(begun)), _LEAST_OVERLAP - 1, -1):
        if end.endswith(begun[:length]) and not end[: len(end) - length][-1:].isalnum():
            return text[raw_ends[length - 1] :].lstrip()
    return text


def _plain(text: str) -> tuple[str, list[int]]:
    """Return the text in one case, runs of spaces as one, and where each of its characters ends."""
    chars: list[str] = []
    ends: list[int] = []
    for end, char in enumerate(text, start=1):
        if char.isspace() and chars and chars[-1] == " ":
            ends[-1] = end
            continue
        chars.append(" " if char.isspace() else char.lower()[:1])
        ends.append(end)
    return "".join(chars), ends


def opening_of(turn: Turn, given: AbstractSet[str] = frozenset()) -> Opening:
    """Return what the mode asks of the beginning. `given` are the other replies so far, folded."""
    if turn.mode == "regenerate":
        return FreshOpening(turn.avoid, given)
    if turn.mode == "continue":
        return ContinuedOpening(turn.messages[-1].text)
    return Opening()
