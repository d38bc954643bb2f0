"""Entries on their way through one evaluation."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from repartee.domain.lorebook.book import LoreEntry
from repartee.domain.lorebook.compiling import CompiledEntry
from repartee.domain.lorebook.keys import LoreKey
from repartee.domain.lorebook.result import Fired, LoreTrace, Reason
from repartee.domain.lorebook.shelf import Kind, Row
from repartee.domain.lorebook.state import Owner


@dataclass(slots=True, eq=False)
class Candidate:
    """An entry on its way through one evaluation.

    `kind` is what it looks at. `forced` is why it fires without a key, `reason` what became of it so far,
    `text` what it brings into the prompt.
    """

    owner: Owner
    place: int
    ready: CompiledEntry
    entry: LoreEntry
    kind: Kind
    book_budget: int
    sticky: bool = False
    forced: Fired | None = None
    reason: Reason = "no_match"
    key: LoreKey | None = None
    text: str = ""
    hidden_keys: tuple[str, ...] = ()
    tokens: int | None = None
    level: int = 0

    @classmethod
    def of(cls, row: Row, place: int) -> "Candidate":
        """Return the entry of a row, about to be looked at."""
        return cls(row.owner, place, row.ready, row.ready.entry, row.kind, row.book_budget)

    def trace(self, *, fired: bool) -> LoreTrace:
        """Return the entry's line of the trace."""
        if not fired:
            return LoreTrace(*self.owner, self.entry.name, self.reason)
        key = self.key.source if self.key else None
        return LoreTrace(*self.owner, self.entry.name, self.reason, key, self.tokens or 0, self.level)


def group_names(all_of: Iterable[Candidate]) -> set[str]:
    """Return every inclusion group that one of them is in."""
    return set(chain.from_iterable(one.entry.groups for one in all_of))
