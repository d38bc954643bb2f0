"""From a lorebook as files have it to a `Lorebook`.

Read are V2 and V3 `character_book` objects, `{spec: "lorebook_v3", data}` (V3), SillyTavern's world files
(`{entries: {uid: {…}}}` with its own names of fields) and its `extensions` of an entry, which win over the
plain fields. Fields that are not known here are left to the raw card.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from repartee.domain.errors import InvalidInput
from repartee.domain.lorebook.book import (
    MOST_DEPTH,
    MOST_ENTRIES,
    MOST_KEYS_OF_A_BOOK,
    Lorebook,
    LoreEntry,
    LoreRole,
    Position,
    SecondaryLogic,
)
from repartee.domain.lorebook.fields import (
    Raw,
    first,
    flag,
    number,
    optional_flag,
    optional_whole,
    text,
    texts,
    whole,
)

_POSITIONS: Final[tuple[Position, ...]] = (
    "before_char",
    "after_char",
    "note_top",
    "note_bottom",
    "at_depth",
    "before_examples",
    "after_examples",
)
_ROLES: Final[tuple[LoreRole, ...]] = ("system", "user", "assistant")
_LOGICS: Final[tuple[SecondaryLogic, ...]] = ("and_any", "not_all", "not_any", "and_all")
_MADE_BY_SILLYTAVERN: Final = ("selectiveLogic", "useProbability", "display_index", "displayIndex", "addMemo")
_DEFAULT_DEPTH: Final = 4
_MOST_TURNS: Final = 1_000_000


def read_lorebook(raw: Any, field: str = "character_book") -> Lorebook:
    """Return the book. `field` is its place in the request. Raises InvalidInput, naming entry and field."""
    if not isinstance(raw, Mapping):
        raise InvalidInput(f"{field} must be an object", field=field)
    if isinstance(raw.get("data"), Mapping) and "entries" not in raw:
        raw, field = raw["data"], f"{field}.data"
    listed = list(_listed(raw.get("entries"), f"{field}.entries"))
    if len(listed) > MOST_ENTRIES:
        raise InvalidInput(
            f"a lorebook may have {MOST_ENTRIES} entries, not {len(listed)}", f"{field}.entries"
        )
    entries = _with_own_ids(listed, field)
    keys = sum(len(entry.keys) + len(entry.secondary_keys) for entry in entries)
    if keys > MOST_KEYS_OF_A_BOOK:
        raise InvalidInput(f"a lorebook may have {MOST_KEYS_OF_A_BOOK} keys, not {keys}", f"{field}.entries")
    return _checked_book(raw, entries, field)


def _checked_book(raw: Raw, entries: tuple[LoreEntry, ...], field: str) -> Lorebook:
    try:
        return Lorebook(
            name=text(raw.get("name")).strip(),
            entries=entries,
            scan_depth=optional_whole(raw.get("scan_depth"), 0, MOST_DEPTH),
            token_budget=whole(raw.get("token_budget"), 0, 0, 1_000_000_000),
            recursive_scanning=optional_flag(raw.get("recursive_scanning")),
        )
    except ValidationError as error:
        raise _named_error(error, field, "the lorebook") from None


def _listed(entries: Any, field: str) -> Iterator[tuple[str, Raw]]:
    """Yield the entries with their keys: a list's place, or a map's own key."""
    if entries is not None and not isinstance(entries, list | Mapping):
        raise InvalidInput(f"{field} must be a list or an object", field=field)
    pairs = entries.items() if isinstance(entries, Mapping) else enumerate(entries or ())
    for key, entry in pairs:
        if not isinstance(entry, Mapping):
            raise InvalidInput(f"entry {str(key)[:40]} must be an object", field=f"{field}.{str(key)[:40]}")
        yield str(key), entry


def _with_own_ids(listed: list[tuple[str, Raw]], field: str) -> tuple[LoreEntry, ...]:
    taken: dict[str, int] = {}
    entries: list[LoreEntry] = []
    for key, raw in listed:
        wanted = text(first((raw,), "id", "uid")).strip() or key
        own = wanted
        while own in taken:
            taken[wanted] += 1
            own = f"{wanted}#{taken[wanted]}"
        taken[own] = 1
        entries.append(_entry(raw, own, f"{field}.entries.{key[:40]}"))
    return tuple(entries)


def _entry(raw: Raw, own_id: str, field: str) -> LoreEntry:
    extensions = raw.get("extensions")
    own = extensions if isinstance(extensions, Mapping) else {}
    try:
        return LoreEntry(
            id=own_id, **_what(raw, own), **_when(raw, own), **_where(raw, own), **_group(raw, own)
        )
    except ValidationError as error:
        name = text(first((raw,), "name", "comment")).strip() or own_id
        raise _named_error(error, field, f"the lorebook entry {name[:60]!r}") from None


def _named_error(error: ValidationError, field: str, what: str) -> InvalidInput:
    wrong = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in wrong["loc"])
    return InvalidInput(f"{what}: {place}: {wrong['msg'][:1].lower()}{wrong['msg'][1:]}", f"{field}.{place}")


def _what(raw: Raw, own: Raw) -> dict[str, Any]:
    """Return names, keys and text. V2 keys count as patterns only where SillyTavern did not write them."""
    selective = flag(raw.get("selective"), otherwise="keysecondary" in raw)
    by_sillytavern = "key" in raw or any(name in own for name in _MADE_BY_SILLYTAVERN)
    return {
        "name": text(first((raw,), "name", "comment")).strip(),
        "keys": texts(first((raw,), "keys", "key")),
        "secondary_keys": texts(first((raw,), "secondary_keys", "keysecondary")) if selective else (),
        "logic": _LOGICS[whole(first((own, raw), "selectiveLogic"), 0, 0, 3)],
        "content": text(raw.get("content")),
        "use_regex": flag(raw.get("use_regex"), otherwise=False) and not by_sillytavern,
        "case_sensitive": optional_flag(first((own, raw), "case_sensitive", "caseSensitive")),
        "whole_words": optional_flag(first((own, raw), "match_whole_words", "matchWholeWords")),
        "scan_depth": optional_whole(first((own, raw), "scan_depth", "scanDepth"), 0, MOST_DEPTH),
    }


def _when(raw: Raw, own: Raw) -> dict[str, Any]:
    both = (own, raw)
    enabled = flag(raw.get("enabled"), otherwise=True) and not flag(raw.get("disable"), otherwise=False)
    rolls = flag(first(both, "useProbability", "use_probability"), otherwise=True)
    chance = min(max(number(first(both, "probability"), 100.0), 0.0), 100.0)
    recursion = first(both, "delay_until_recursion", "delayUntilRecursion")
    return {
        "enabled": enabled,
        "constant": flag(raw.get("constant"), otherwise=False),
        "probability": chance if rolls else 100.0,
        "ignore_budget": flag(first(both, "ignore_budget", "ignoreBudget"), otherwise=False),
        "exclude_recursion": flag(first(both, "exclude_recursion", "excludeRecursion"), otherwise=False),
        "prevent_recursion": flag(first(both, "prevent_recursion", "preventRecursion"), otherwise=False),
        "delay_until_recursion": whole(recursion, 0, 0, 1_000),
        **{name: whole(first(both, name), 0, 0, _MOST_TURNS) for name in ("sticky", "cooldown", "delay")},
    }


def _where(raw: Raw, own: Raw) -> dict[str, Any]:
    return {
        "order": number(first((raw,), "insertion_order", "order"), 100.0),
        "priority": number(raw.get("priority"), 0.0),
        "position": _position(first((own, raw), "position"), raw.get("position")),
        "depth": whole(first((own, raw), "depth"), _DEFAULT_DEPTH, 0, MOST_DEPTH),
        "role": _role(first((own, raw), "role")),
    }


def _position(value: Any, plain: Any) -> Position:
    """Return SillyTavern's number as its name; V2's `after_char` where there is none that is known."""
    place = optional_whole(value, -1, len(_POSITIONS))
    if place is not None and 0 <= place < len(_POSITIONS):
        return _POSITIONS[place]
    return "after_char" if "after_char" in (value, plain) else "before_char"


def _role(value: Any) -> LoreRole:
    named = next((role for role in _ROLES if role == value), None)
    return named or _ROLES[whole(value, 0, 0, 2)]


def _group(raw: Raw, own: Raw) -> dict[str, Any]:
    both = (own, raw)
    weight = number(first(both, "group_weight", "groupWeight"), 100.0)
    return {
        "groups": tuple(dict.fromkeys(texts(first(both, "group")))),
        "group_override": flag(first(both, "group_override", "groupOverride"), otherwise=False),
        "group_weight": min(max(weight, 0.0), 1_000_000.0),
        "use_group_scoring": optional_flag(first(both, "use_group_scoring", "useGroupScoring")),
    }
