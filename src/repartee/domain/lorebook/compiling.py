"""A book made ready once: decorators read, keys folded, entries in the order in which they are tried."""

from dataclasses import dataclass, replace
from functools import lru_cache

from repartee.domain.lorebook.book import Lorebook, LoreEntry, LoreRole, Position
from repartee.domain.lorebook.decorators import Decorators, split_decorators
from repartee.domain.lorebook.keys import LoreKey, lore_key


@dataclass(frozen=True, slots=True, eq=False)
class CompiledEntry:
    """An entry with its decorators cut from the content and all keys ready to be looked for."""

    entry: LoreEntry
    said: Decorators
    content: str
    keys: tuple[LoreKey, ...]
    secondary: tuple[LoreKey, ...]
    additional: tuple[tuple[LoreKey, ...], ...]
    excluded: tuple[LoreKey, ...]

    @property
    def has_decorator_keys(self) -> bool:
        """Whether a decorator names keys that must match, or must not."""
        return bool(self.additional or self.excluded)

    @property
    def is_constant(self) -> bool:
        """Whether it needs no key. A pattern wins over `constant`, as V3 says, where there is one."""
        return self.entry.constant and not (self.entry.use_regex and self.keys)

    @property
    def is_always_on(self) -> bool:
        """Whether it is there in every turn: nothing but its room decides."""
        entry = self.entry
        waits = (entry.sticky, entry.cooldown, entry.delay, entry.delay_until_recursion)
        unplaced = replace(
            self.said, depth=None, reverse_depth=None, role=None, position=None, scan_depth=None
        )
        by_chance = entry.probability < 100 or bool(entry.groups)
        return self.is_constant and unplaced == Decorators() and not by_chance and not any(waits)

    @property
    def position(self) -> Position:
        """Where it goes: a decorator wins over the entry's own place, `@@position` over `@@depth`."""
        at_depth = self.said.depth is not None or self.said.reverse_depth is not None
        return self.said.position or ("at_depth" if at_depth else self.entry.position)

    @property
    def role(self) -> LoreRole:
        """Whose message it is in the history."""
        return self.said.role or self.entry.role

    def depth(self, message_count: int) -> int:
        """Return how many messages come after it. `@@reverse_depth` counts from the chat's start."""
        if self.said.depth is not None:
            return max(self.said.depth, 0)
        if self.said.reverse_depth is not None:
            return max(message_count - self.said.reverse_depth, 0)
        return self.entry.depth


@dataclass(frozen=True, slots=True, eq=False)
class CompiledBook:
    """A book and its entries, those with the highest order first, then as the book has them."""

    book: Lorebook
    entries: tuple[CompiledEntry, ...]


@lru_cache(maxsize=128)
def compiled(book: Lorebook) -> CompiledBook:
    """Return the book made ready; the last 128 books are remembered."""
    ready = sorted(map(_compiled_entry, book.entries), key=lambda one: -one.entry.order)
    return CompiledBook(book, tuple(ready))


def _compiled_entry(entry: LoreEntry) -> CompiledEntry:
    said, content = split_decorators(entry.content)
    return CompiledEntry(
        entry=entry,
        said=said,
        content=content,
        keys=_ready(entry.keys, entry),
        secondary=() if entry.use_regex else _ready(entry.secondary_keys, entry),
        additional=tuple(_ready(keys, entry) for keys in said.additional_keys),
        excluded=()
        if entry.use_regex
        else tuple(k for some in said.exclude_keys for k in _ready(some, entry)),
    )


def _ready(keys: tuple[str, ...], entry: LoreEntry) -> tuple[LoreKey, ...]:
    return tuple(lore_key(key, use_regex=entry.use_regex) for key in keys)
