"""The entries of a request's books, ready for every request that has the same ones.

Most entries are about something that the chat does not touch. They are found here without being looked at one
by one: an entry whose keys are plain texts cannot match before the beginning of one of them is in the text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from repartee.domain.lorebook.book import LoreEntry
from repartee.domain.lorebook.compiling import CompiledEntry, compiled
from repartee.domain.lorebook.decorators import Decorators
from repartee.domain.lorebook.request import BookSource, LoreBookOf, LoreSettings
from repartee.domain.lorebook.result import LoreTrace, Silent
from repartee.domain.lorebook.state import Owner

_SHELVES_KEPT: Final = 128
_NOTHING_SAID: Final = Decorators()


class Kind(NamedTuple):
    """What an entry looks at: messages back (`deepens`: more with min activations), and how."""

    scan_depth: int
    deepens: bool
    recursive: bool
    case_sensitive: bool
    whole_words: bool


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """An entry with all that is the same in every evaluation."""

    owner: Owner
    ready: CompiledEntry
    kind: Kind
    book_budget: int

    @property
    def entry(self) -> LoreEntry:
        """The entry."""
        return self.ready.entry

    def silent(self) -> Silent:
        """Return what became of it where nothing touched it."""
        if not self.entry.enabled:
            return "disabled"
        return "no_match" if self.ready.keys or not _is_simple(self.ready) else "no_keys"

    def beginnings(self) -> Sequence[str] | None:
        """Return what a text must hold for it to match; None where that cannot be told."""
        if not self.entry.enabled:
            return ()
        if not _is_simple(self.ready) or not all(key.is_plain for key in self.ready.keys):
            return None
        exact = self.kind.case_sensitive
        found = [key.exact_beginning if exact else key.plain_beginning for key in self.ready.keys]
        known = [beginning for beginning in found if beginning is not None]
        return known if len(known) == len(found) else None


class Shelf:
    """All rows in the order in which they are tried."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = tuple(rows)
        self.untouched = [LoreTrace(*row.owner, row.entry.name, row.silent()) for row in rows]
        self.watched: list[int] = []
        self.by_beginning: dict[Kind, dict[str, list[int]]] = {}
        for place, row in enumerate(self.rows):
            self._put(place, row)

    def _put(self, place: int, row: Row) -> None:
        beginnings = row.beginnings()
        if beginnings is None:
            self.watched.append(place)
            return
        of_kind = self.by_beginning.setdefault(row.kind, {}) if beginnings else {}
        for beginning in dict.fromkeys(beginnings):
            of_kind.setdefault(beginning, []).append(place)

    @cached_property
    def places(self) -> Mapping[Owner, Sequence[int]]:
        """The places of each owner: ids may come twice."""
        places: dict[Owner, list[int]] = {}
        for place, row in enumerate(self.rows):
            places.setdefault(row.owner, []).append(place)
        return places

    @cached_property
    def always_on(self) -> Mapping[Owner, CompiledEntry]:
        """The entries that are there in every turn."""
        return {row.owner: row.ready for row in self.rows if row.ready.is_always_on}


@lru_cache(_SHELVES_KEPT)
def shelf_of(books: tuple[LoreBookOf, ...], settings: LoreSettings) -> Shelf:
    """Return every entry, highest order first: the chat's books, the persona's, then the strategy decides."""
    labelled = list(zip(_labels(books), books, strict=True))
    found: list[Row] = []
    for sources in _turns(settings.strategy):
        group = [
            _row(label, ready, of, settings)
            for label, of in labelled
            if of.source in sources
            for ready in compiled(of.book).entries
        ]
        found += sorted(group, key=lambda one: -one.entry.order) if len(labelled) > 1 else group
    return Shelf(found)


def _is_simple(ready: CompiledEntry) -> bool:
    """Say whether only keys, and effects of earlier turns, decide about it."""
    entry = ready.entry
    waits = bool(entry.delay or entry.delay_until_recursion)
    return ready.said == _NOTHING_SAID and not ready.is_constant and not waits


def _turns(strategy: str) -> tuple[tuple[BookSource, ...], ...]:
    match strategy:
        case "character_first":
            return ("chat",), ("persona",), ("character",), ("global",)
        case "global_first":
            return ("chat",), ("persona",), ("global",), ("character",)
        case _:
            return ("chat",), ("persona",), ("character", "global")


def _labels(books: Sequence[LoreBookOf]) -> Iterable[str]:
    """Yield a name of its own for each book: two with the same, or without one, get a number."""
    seen: dict[str, int] = {}
    for of in books:
        wanted = of.book.name or of.source
        seen[wanted] = seen.get(wanted, 0) + 1
        yield wanted if seen[wanted] == 1 else f"{wanted} ({seen[wanted]})"


def _row(label: str, ready: CompiledEntry, of: LoreBookOf, settings: LoreSettings) -> Row:
    entry, book = ready.entry, of.book
    own_depth = ready.said.scan_depth if ready.said.scan_depth is not None else entry.scan_depth
    depth = book.scan_depth if book.scan_depth is not None else settings.scan_depth
    recursive = book.recursive_scanning
    kind = Kind(
        scan_depth=depth if own_depth is None else own_depth,
        deepens=own_depth is None,
        recursive=settings.recursive if recursive is None else recursive,
        case_sensitive=settings.case_sensitive if entry.case_sensitive is None else entry.case_sensitive,
        whole_words=settings.whole_words if entry.whole_words is None else entry.whole_words,
    )
    return Row((label, entry.id), ready, kind, book.token_budget)
