"""The text that keys are looked for in, and the looking, with limits on what it may cost."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from time import perf_counter
from typing import Final, Literal, NamedTuple

import regex

from repartee.domain.lorebook.folding import composed, folded, stands_alone
from repartee.domain.lorebook.keys import LoreKey, with_names
from repartee.domain.lorebook.patterns import compiled_pattern
from repartee.domain.lorebook.request import LoreRequest

PATTERN_SECONDS: Final = 0.02
ALL_PATTERNS_SECONDS: Final = 0.2
MOST_LOOKING: Final = 200_000_000
"""Characters that all keys of one evaluation together may look at."""

_START: Final = "\x01"
_LONGEST_OVERLAP: Final = 2
"""Characters of a beginning that may stand before the place where a view was extended."""
_COST_OF_A_KEY: Final = 64
_COST_OF_A_PLACE: Final = 250
_WORTH_AN_INDEX: Final = 20_000

Trouble = Literal["bad_pattern", "pattern_timed_out", "scan_limit"]


class Look(NamedTuple):
    """How an entry looks: how many messages back, with recursion or without, and at which letters."""

    depth: int
    recursive: bool
    case_sensitive: bool
    whole_words: bool


class View:
    """What a look sees: one text, with the beginnings of everything in it where that makes keys faster.

    With `before` it is what that view sees, and the parts after it: a line break and the mark at a part's
    beginning join with nothing, so that folding goes on from there.
    """

    def __init__(self, parts: Sequence[str], look: Look, before: "View | None" = None) -> None:
        self.whole_words = look.whole_words
        self.case_sensitive = look.case_sensitive
        begun = f"{before.joined}\n" if before else ""
        new = "\n".join(_START + part for part in parts)
        self.joined: str = begun + new
        seen = composed(new) if look.case_sensitive else folded(new)
        self.text: str = f"{before.text}\n{seen}" if before else seen
        self.cost = len(self.text) + _COST_OF_A_KEY
        self.beginnings = self._beginnings(before) if len(self.text) <= _WORTH_AN_INDEX else None

    def _beginnings(self, before: "View | None") -> frozenset[str]:
        known: frozenset[str] = (before.beginnings if before else None) or frozenset()
        start = max(len(before.text) - _LONGEST_OVERLAP, 0) if before and known else 0
        text = self.text[start:]
        return known.union(map("".join, zip(text, text[1:], text[2:], strict=False)))

    @cached_property
    def exact_text(self) -> str:
        """The text with its letter case, as patterns see it."""
        return composed(self.joined)


class Haystack:
    """Messages newest first, then other texts of the prompt, then what entries have added.

    Each part begins with a mark that no key can cross, as in SillyTavern.
    """

    def __init__(self, request: LoreRequest) -> None:
        self._named = request.settings.include_names
        self._messages = request.messages
        self._injections = [text for text in request.injections if text.strip()]
        self._added: list[str] = []
        self._macros = request.macros
        self._views: dict[Look, tuple[View, int]] = {}
        self._resolved: dict[LoreKey, LoreKey] = {}
        self._seconds = ALL_PATTERNS_SECONDS
        self._looking = MOST_LOOKING
        self.trouble: Trouble | None = None

    def add(self, texts: Iterable[str]) -> None:
        """Let entries that look recursively see these texts as well."""
        self._added += texts

    def has_added(self) -> bool:
        """Say whether any entry has added text."""
        return bool(self._added)

    def view(self, look: Look) -> View:
        """Return what such a look sees now. Nothing is seen at depth 0."""
        added = len(self._added) if look.recursive and look.depth else 0
        view, old = self._views.get(look) or (None, 0)
        if view is None:
            view = View(self._parts(look.depth) + self._added[:added], look)
        elif added > old:
            parts = self._added[old:added]
            view = View(parts, look, view) if view.text else View(parts, look)
        self._views[look] = view, added
        return view

    def _parts(self, depth: int) -> list[str]:
        if not depth:
            return []
        newest = self._messages[: -depth - 1 : -1]
        said = [f"{one.name}: {one.text}" if self._named else one.text for one in newest]
        return said + self._injections

    def first(self, keys: Sequence[LoreKey], view: View) -> LoreKey | None:
        """Return the first key that matches. `trouble` then says what stood in the way, if anything did."""
        self.trouble = None
        beginnings, exact = view.beginnings, view.case_sensitive
        for key in keys:
            if key.is_plain and beginnings is not None:
                beginning = key.exact_beginning if exact else key.plain_beginning
                if beginning is not None and beginning not in beginnings:
                    continue
            if self._matches(key, view):
                return key
        return None

    def number(self, keys: Sequence[LoreKey], view: View) -> int:
        """Return how many of the keys match."""
        return sum(self.first((key,), view) is not None for key in keys)

    def _matches(self, key: LoreKey, view: View) -> bool:
        if self._looking <= 0:
            self.trouble = "scan_limit"
            return False
        self._looking -= view.cost
        ready = key if key.is_plain else self._resolved.get(key) or self._resolve(key)
        if ready.pattern is not None:
            return self._fits(ready, ready.pattern, view)
        wanted = ready.exact if view.case_sensitive else ready.plain
        return wanted in view.text and (not view.whole_words or self._alone(view.text, wanted, ready))

    def _alone(self, text: str, wanted: str, key: LoreKey) -> bool:
        if not (key.before or key.after):
            return True
        alone, looked = stands_alone(text, wanted, key.before, key.after)
        self._looking -= looked * _COST_OF_A_PLACE
        return alone

    def _resolve(self, key: LoreKey) -> LoreKey:
        ready = self._resolved[key] = with_names(key, self._macros) if key.has_macros else key
        return ready

    def _fits(self, key: LoreKey, written: str, view: View) -> bool:
        flags = key.flags
        if flags is None:
            flags = 0 if view.case_sensitive else regex.IGNORECASE
        pattern = compiled_pattern(written, flags)
        if pattern is None:
            self.trouble = "bad_pattern"
            return False
        if self._seconds <= 0:
            self.trouble = "pattern_timed_out"
            return False
        return self._searched(pattern, view.exact_text)

    def _searched(self, pattern: regex.Pattern[str], text: str) -> bool:
        began = perf_counter()
        try:
            return pattern.search(text, timeout=min(PATTERN_SECONDS, self._seconds)) is not None
        except (TimeoutError, MemoryError):
            self.trouble = "pattern_timed_out"
            return False
        finally:
            self._seconds -= perf_counter() - began
