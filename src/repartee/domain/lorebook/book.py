"""A lorebook ("world info"): texts that enter the prompt when the chat touches what they are about.

Sources of the fields: Character Card V2 and V3 (`character_book`), SillyTavern's world files and its
`extensions` of an entry. `reading.py` makes these objects from any of them.
"""

from collections.abc import Hashable
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from repartee.domain.chance import fingerprint

MOST_ENTRIES: Final = 5_000
MOST_KEYS: Final = 200
MOST_KEYS_OF_A_BOOK: Final = 50_000
KEY_CHARACTERS: Final = 1_024
CONTENT_CHARACTERS: Final = 65_536
NAME_CHARACTERS: Final = 1_024
MOST_DEPTH: Final = 10_000

Position = Literal[
    "before_char",
    "after_char",
    "note_top",
    "note_bottom",
    "at_depth",
    "before_examples",
    "after_examples",
    "before_description",
    "after_description",
    "personality",
    "scenario",
]
"""Where a text goes: around the character's definition (`*_char`), the author's note or the examples,
into the history `depth` messages from its end, or beside one field of the card (V3 `@@position`)."""

LoreRole = Literal["system", "user", "assistant"]
SecondaryLogic = Literal["and_any", "not_all", "not_any", "and_all"]

LoreName = Annotated[str, StringConstraints(max_length=NAME_CHARACTERS)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=KEY_CHARACTERS)]
Keys = Annotated[tuple[Key, ...], Field(max_length=MOST_KEYS)]
Turns = Annotated[int, Field(ge=0, le=1_000_000)]


class LoreEntry(BaseModel):
    """One text and when it enters the prompt. None means that the book or the settings decide.

    `order`: texts with a lower one come earlier in the prompt, those with a higher one get room first.
    `priority`: entries with a lower one lose their room first. `probability` is in percent. `sticky`,
    `cooldown` and `delay` count messages. `delay_until_recursion` is 0 for never, else the level.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: LoreName
    name: LoreName = ""
    keys: Keys = ()
    secondary_keys: Keys = ()
    logic: SecondaryLogic = "and_any"
    content: Annotated[str, StringConstraints(max_length=CONTENT_CHARACTERS)] = ""
    enabled: bool = True
    constant: bool = False
    use_regex: bool = False
    case_sensitive: bool | None = None
    whole_words: bool | None = None
    scan_depth: int | None = Field(default=None, ge=0, le=MOST_DEPTH)
    order: float = Field(default=100.0, allow_inf_nan=False)
    priority: float = Field(default=0.0, allow_inf_nan=False)
    position: Position = "before_char"
    depth: int = Field(default=4, ge=0, le=MOST_DEPTH)
    role: LoreRole = "system"
    probability: float = Field(default=100.0, ge=0, le=100)
    ignore_budget: bool = False
    exclude_recursion: bool = False
    prevent_recursion: bool = False
    delay_until_recursion: int = Field(default=0, ge=0, le=1_000)
    groups: tuple[LoreName, ...] = Field(default=(), max_length=100)
    group_override: bool = False
    group_weight: float = Field(default=100.0, ge=0, le=1_000_000)
    use_group_scoring: bool | None = None
    sticky: Turns = 0
    cooldown: Turns = 0
    delay: Turns = 0

    @cached_property
    def digest(self) -> str:
        """Short hash of the whole entry: it changes with any edit."""
        return fingerprint(self.model_dump_json())


class Lorebook(BaseModel):
    """A book of entries. `token_budget` is in tokens, 0 for no limit of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: LoreName = ""
    entries: tuple[LoreEntry, ...] = Field(default=(), max_length=MOST_ENTRIES)
    scan_depth: int | None = Field(default=None, ge=0, le=MOST_DEPTH)
    token_budget: int = Field(default=0, ge=0)
    recursive_scanning: bool | None = None

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        parts: tuple[Hashable, ...] = (self.name, self.scan_depth, self.token_budget, self.recursive_scanning)
        return hash((parts, tuple((entry.id, entry.keys, entry.content) for entry in self.entries)))
