"""The story of a request: lorebooks as the client has them, read and kept ready for the next turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import orjson

from repartee.domain.character import Character
from repartee.domain.lorebook import Lorebook, LoreBookOf, LoreState, read_lorebook
from repartee.domain.story import AuthorNote, Story

_BOOKS_KEPT: Final = 32


@dataclass(frozen=True, slots=True)
class OwnBooks:
    """Books that belong to one member of a cast, sent in `field`.

    One without a name gets the member's: the lore's state knows entries by the names of their books, and two
    members' books would otherwise undo each other's.
    """

    owner: str
    field: str
    books: tuple[dict[str, Any], ...] = ()

    def named(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Return the book with a name."""
        return raw if raw.get("name") else {**raw, "name": self.owner}

    def read(self) -> list[Lorebook]:
        """Return the books. Raises InvalidInput."""
        return [_read(self.named(raw), f"{self.field}.{place}") for place, raw in enumerate(self.books)]


def story_of(
    character: Character,
    lorebooks: Sequence[dict[str, Any]],
    state: LoreState,
    note: AuthorNote | None,
    seed: int | None,
    own: OwnBooks | None = None,
) -> Story:
    """Return the story, the request's books before the character's own. Raises InvalidInput for no book."""
    books = [LoreBookOf("chat", _read(raw, f"lorebooks.{place}")) for place, raw in enumerate(lorebooks)]
    if own is not None:
        books += [LoreBookOf("character", book) for book in own.read()]
    if character.character_book is not None:
        raw = own.named(character.character_book) if own else character.character_book
        books.append(LoreBookOf("character", _read(raw, "character.character_book")))
    return Story(tuple(books), state, note if note and note.text.strip() else None, seed)


def _read(raw: dict[str, Any], field: str) -> Lorebook:
    """Read a book, once for as long as it is sent unchanged: a large one takes a fifth of a second."""
    try:
        written = orjson.dumps(raw)
    except TypeError:  # a number beyond 64 bits
        return read_lorebook(raw, field)
    return _read_once(written, field)


@lru_cache(maxsize=_BOOKS_KEPT)
def _read_once(written: bytes, field: str) -> Lorebook:
    return read_lorebook(orjson.loads(written), field)
