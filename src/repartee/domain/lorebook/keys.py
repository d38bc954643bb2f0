"""One key of an entry, ready to be looked for."""

from dataclasses import dataclass, replace
from typing import Final

import regex

from repartee.domain.lorebook.folding import composed, folded, guards
from repartee.domain.lorebook.patterns import slashed
from repartee.domain.macros import MacroContext, expand

_NEVER: Final = "\x00"
_BEGINNING: Final = 3


@dataclass(frozen=True, slots=True)
class LoreKey:
    """A key as the card has it (`source`), and as it is searched: as a pattern where there is one.

    `flags` None means that the pattern follows the entry's letter case. `has_macros`: to be made anew for
    each request. The beginnings are the first three characters, None for a shorter key.
    """

    source: str
    exact: str
    plain: str
    before: bool
    after: bool
    pattern: str | None = None
    flags: int | None = None
    has_macros: bool = False
    is_plain: bool = False
    exact_beginning: str | None = None
    plain_beginning: str | None = None


def lore_key(source: str, *, use_regex: bool) -> LoreKey:
    """Return the key. With `use_regex` it is a pattern, as it is anyway where it is written `/…/flags`."""
    written = slashed(source)
    has_macros = "{{" in source or "<" in source
    if written:
        return LoreKey(source, "", "", False, False, written[0], written[1], has_macros)
    if use_regex:
        return LoreKey(source, "", "", False, False, source, None, has_macros)
    return _plain(source, source, has_macros)


def _plain(source: str, key: str, has_macros: bool) -> LoreKey:
    exact, plain = composed(key), folded(key)
    before, after = guards(plain)
    return LoreKey(
        source=source,
        exact=exact,
        plain=plain,
        before=before,
        after=after,
        has_macros=has_macros,
        is_plain=not has_macros,
        exact_beginning=_beginning(exact),
        plain_beginning=_beginning(plain),
    )


def _beginning(key: str) -> str | None:
    return key[:_BEGINNING] if len(key) >= _BEGINNING else None


def with_names(key: LoreKey, macros: MacroContext) -> LoreKey:
    """Return the key with its macros replaced. In a pattern a name stands for its own letters only.

    A key that nothing is left of can never match.
    """
    if key.pattern is not None:
        return replace(key, pattern=expand(key.pattern, _escaped(macros)).text)
    return _plain(key.source, expand(key.source, macros).text.strip() or _NEVER, True)


def _escaped(macros: MacroContext) -> MacroContext:
    return MacroContext(
        char=regex.escape(macros.char),
        user=regex.escape(macros.user),
        group=tuple(map(regex.escape, macros.group)),
        muted=tuple(map(regex.escape, macros.muted)),
    )
