"""How much a chat file may hold, the one error for what cannot be used, and the lines that were skipped."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from repartee.domain.errors import InvalidInput

MIB: Final = 1 << 20

FILE_BYTES: Final = 64 * MIB
LINE_CHARACTERS: Final = 8 * MIB
LINES: Final = 100_000
DEPTH: Final = 80  # a card may be 64 deep, and stands inside a chat's metadata
DOCUMENT_DEPTH: Final = 88  # lines stand inside a saved dialogue
VALUES: Final = 2_000_000


class ChatError(InvalidInput):
    """A chat file, or a part of one, that cannot be used. `place` is a line, a message, or nothing."""

    def __init__(self, problem: str, place: str = "") -> None:
        super().__init__(f"{place}: {problem}" if place else problem, field=place or "file")
        self.problem = problem
        self.place = place

    def within(self, place: str) -> "ChatError":
        """Return the same error with the place around it in front: `line 3` or `line 3, column 9`."""
        return ChatError(self.problem, f"{place}, {self.place}" if self.place else place)


class BadParts:
    """What becomes of lines and messages that cannot be used: the first ends reading, or all are skipped."""

    def __init__(self, *, skip: bool) -> None:
        self._skip = skip
        self.skipped: list[ChatError] = []

    @contextmanager
    def found_in(self, place: str) -> Iterator[None]:
        """Give a ChatError its place; then raise it, or keep it where bad parts are skipped."""
        try:
            yield
        except ChatError as error:
            placed = error.within(place)
            if not self._skip:
                raise placed from None
            self.skipped.append(placed)


def size(count: int) -> str:
    """Return a limit for people to read.

    >>> size(8 * MIB)
    '8 MiB'
    """
    return f"{count / MIB:g} MiB"
