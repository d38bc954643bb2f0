"""All entries of a request's books, in the order in which they are tried."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from repartee.domain.lorebook.book import LoreEntry
from repartee.domain.lorebook.compiling import CompiledEntry, compiled
from repartee.domain.lorebook.keys import LoreKey
from repartee.domain.lorebook.request import BookSource, LoreBookOf, LoreRequest, LoreSettings
from repartee.domain.lorebook.result import Fired, LoreTrace, Reason
from repartee.domain.lorebook.state import Owner


@dataclass(slots=True, eq=False)
class Candidate:
    """An entry on its way through one evaluation.

    `scan_depth` is in messages; `deepens` where min activations may look further back for it. `forced` is why
    it fires without a key, `reason` what became of it so far, `text` what it brings into the prompt.
    """

    owner: Owner
    place: int
    ready: CompiledEntry
    entry: LoreEntry
    scan_depth: int
    deepens: bool
    recursive: bool
    case_sensitive: bool
    whole_words: bool
    book_budget: int
    sticky: bool = False
    forced: Fired | None = None
    reason: Reason = "no_match"
    key: LoreKey | None = None
    text: str = ""
    hidden_keys: tuple[str, ...] = ()
    tokens: int | None = None
    level: int = 0

    def trace(self, *, fired: bool) -> LoreTrace:
        """Return the entry's line of the trace."""
        if not fired:
            return LoreTrace(*self.owner, self.entry.name, self.reason)
        key = self.key.source if self.key else None
        return LoreTrace(*self.owner, self.entry.name, self.reason, key, self.tokens or 0, self.level)


def candidates(request: LoreRequest) -> list[Candidate]:
    """Return every entry, highest order first: the chat's books, the persona's, then the strategy decides."""
    labelled = list(zip(_labels(request.books), request.books, strict=True))
    found: list[Candidate] = []
    for sources in _turns(request.settings.strategy):
        group = [
            _candidate(label, ready, of, request.settings)
            for label, of in labelled
            if of.source in sources
            for ready in compiled(of.book).entries
        ]
        found += sorted(group, key=lambda one: -one.entry.order) if len(labelled) > 1 else group
    for place, candidate in enumerate(found):
        candidate.place = place
    return found


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


def _candidate(label: str, ready: CompiledEntry, of: LoreBookOf, settings: LoreSettings) -> Candidate:
    entry, book = ready.entry, of.book
    own_depth = ready.said.scan_depth if ready.said.scan_depth is not None else entry.scan_depth
    depth = book.scan_depth if book.scan_depth is not None else settings.scan_depth
    recursive = book.recursive_scanning
    return Candidate(
        owner=(label, entry.id),
        place=0,
        ready=ready,
        entry=entry,
        scan_depth=depth if own_depth is None else own_depth,
        deepens=own_depth is None,
        recursive=settings.recursive if recursive is None else recursive,
        case_sensitive=settings.case_sensitive if entry.case_sensitive is None else entry.case_sensitive,
        whole_words=settings.whole_words if entry.whole_words is None else entry.whole_words,
        book_budget=book.token_budget,
    )


def group_names(all_of: Iterable[Candidate]) -> set[str]:
    """Return every inclusion group that one of them is in."""
    return set(chain.from_iterable(one.entry.groups for one in all_of))
