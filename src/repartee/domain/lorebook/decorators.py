"""Decorators: lines `@@name value` at the top of an entry's content (Character Card V3, "Decorators").

`@@@name value` is the fallback of the line above. What is not known, or has no sense in a chat
(`instruct_depth` and its like count tokens), is ignored. All are cut from the text.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from repartee.domain.lorebook.book import MOST_DEPTH, MOST_KEYS, LoreRole, Position

_LINE: Final = re.compile(r"(@{2,3})([A-Za-z_]+)(?:[ \t]+(.*))?")
_POSITIONS: Final[dict[str, Position]] = {
    "before_desc": "before_description",
    "after_desc": "after_description",
    "personality": "personality",
    "scenario": "scenario",
}
PROMPTS: Final = ("system_prompt", "post_history_instructions")


@dataclass(slots=True)
class Decorators:
    """What the decorators of one entry say; None where they say nothing.

    `additional_keys`: one of each group must match; `exclude_keys`: none may. `activate_only_*` count the
    character's messages; `is_greeting` is 0 for `first_mes`, 1 for the first alternate.
    """

    activate: bool = False
    dont_activate: bool = False
    keep_activate_after_match: bool = False
    dont_activate_after_match: bool = False
    ignore_on_max_context: bool = False
    activate_only_after: int | None = None
    activate_only_every: int | None = None
    depth: int | None = None
    reverse_depth: int | None = None
    scan_depth: int | None = None
    is_greeting: int | None = None
    is_user_icon: str | None = None
    role: LoreRole | None = None
    position: Position | None = None
    additional_keys: list[tuple[str, ...]] = field(default_factory=list)
    exclude_keys: list[tuple[str, ...]] = field(default_factory=list)
    disable_ui_prompt: list[str] = field(default_factory=list)


def split_decorators(content: str) -> tuple[Decorators, str]:
    """Return what the decorators say and the content without them and the empty lines around them."""
    said = Decorators()
    lines = content.lstrip("\r\n").split("\n") if content.lstrip().startswith("@@") else []
    taken = 0
    settled = False
    for line in lines:
        found = _LINE.fullmatch(line.strip())
        if line.strip() and found is None:
            break
        taken += 1
        if found and (found[1] == "@@" or not settled):
            settled = _take(said, found[2].lower(), (found[3] or "").strip())
    return said, ("\n".join(lines[taken:]) if lines else content).strip("\r\n")


def _take(said: Decorators, name: str, value: str) -> bool:
    """Note one decorator; False where it is not known or its value has no sense."""
    reader = _READERS.get(name)
    read = None if reader is None else reader(value)
    if read is None:
        return False
    before = getattr(said, name)
    if isinstance(before, list):
        before.append(read)
    elif before is None or before is False:
        setattr(said, name, read)
    return True


def _count(low: int) -> Callable[[str], int | None]:
    def read(value: str) -> int | None:
        whole = re.fullmatch(r"([+-]?\d{1,9})(?:\.0*)?", value, re.ASCII)
        return None if whole is None or int(whole[1]) < low else min(int(whole[1]), MOST_DEPTH)

    return read


def _present(value: str) -> bool | None:
    return None if value.lower() == "false" else True


def _role(value: str) -> LoreRole | None:
    return next((role for role in get_args(LoreRole) if role == value.lower()), None)


def _keys(value: str) -> tuple[str, ...] | None:
    return tuple(key for part in value.split(",")[:MOST_KEYS] if (key := part.strip())) or None


def _prompt(value: str) -> str | None:
    return value if value in PROMPTS else None


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "activate": _present,
    "dont_activate": _present,
    "keep_activate_after_match": _present,
    "dont_activate_after_match": _present,
    "ignore_on_max_context": _present,
    "activate_only_after": _count(0),
    "activate_only_every": _count(1),
    "depth": _count(-MOST_DEPTH),
    "reverse_depth": _count(-MOST_DEPTH),
    "scan_depth": _count(0),
    "is_greeting": _count(0),
    "is_user_icon": lambda value: value or None,
    "role": _role,
    "position": _POSITIONS.get,
    "additional_keys": _keys,
    "exclude_keys": _keys,
    "disable_ui_prompt": _prompt,
}
