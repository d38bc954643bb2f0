"""Books, chats and requests in one line each."""

from typing import Any

from repartee.domain.lorebook import (
    Lorebook,
    LoreBookOf,
    LoreMessage,
    LoreRequest,
    LoreResult,
    LoreSettings,
    activate,
    read_lorebook,
)
from repartee.domain.macros import MacroContext


def book(*entries: dict[str, Any], name: str = "world", **fields: Any) -> Lorebook:
    listed = [{"id": str(index), "insertion_order": 100, **entry} for index, entry in enumerate(entries)]
    return read_lorebook({"name": name, "entries": listed, **fields})


def entry(*keys: str, content: str = "lore", **fields: Any) -> dict[str, Any]:
    plain = {name: fields.pop(name) for name in _PLAIN if name in fields}
    return {"keys": list(keys), "content": content, **plain, "extensions": fields}


_PLAIN = (
    *("id", "name", "comment", "enabled", "constant", "insertion_order", "priority", "use_regex"),
    *("selective", "secondary_keys", "case_sensitive"),
)


def chat(*texts: str) -> list[LoreMessage]:
    """The user speaks last; the character spoke before."""
    newest_first = [
        LoreMessage("Blaze", text, "character") if turn % 2 else LoreMessage("Ann", text, "user")
        for turn, text in enumerate(reversed(texts))
    ]
    return newest_first[::-1]


def words(text: str) -> int:
    return len(text.split())


def ask(of: Lorebook | list[LoreBookOf], *texts: str, **fields: Any) -> LoreRequest:
    settings = {name: fields.pop(name) for name in LoreSettings.model_fields if name in fields}
    given: dict[str, Any] = {
        "books": of if isinstance(of, list) else [LoreBookOf("character", of)],
        "messages": chat(*texts),
        "macros": MacroContext(char="Blaze", user="Ann"),
        "count": words,
        "context_tokens": 4_000,
        "seed": 7,
        "settings": LoreSettings(**settings),
    }
    return LoreRequest(**(given | fields))


def fired(of: Lorebook | list[LoreBookOf], *texts: str, **fields: Any) -> list[str]:
    """The ids of the entries that fired, in the order of the trace."""
    return [line.entry for line in run(of, *texts, **fields).trace if line.fired]


def run(of: Lorebook | list[LoreBookOf], *texts: str, **fields: Any) -> LoreResult:
    return activate(ask(of, *texts, **fields))


def reasons(of: Lorebook | list[LoreBookOf], *texts: str, **fields: Any) -> dict[str, str]:
    return {line.entry: line.reason for line in run(of, *texts, **fields).trace}
