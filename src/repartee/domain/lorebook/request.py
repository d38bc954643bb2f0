"""What one evaluation of lorebooks is made from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from repartee.domain.dialogue import Role
from repartee.domain.lorebook.book import MOST_DEPTH, Lorebook
from repartee.domain.lorebook.state import LoreState
from repartee.domain.macros import MacroContext

BookSource = Literal["chat", "persona", "character", "global"]


class LoreSettings(BaseModel):
    """How books are searched where a book or an entry says nothing; the defaults are SillyTavern's.

    `scan_depth` counts messages. The budget is `budget_percent` of the context, at most `budget_cap` tokens
    (0: no cap). `max_recursion_steps` counts scans, the first one too (0: no limit but the engine's own,
    100). `min_activations` looks further back until so many entries have fired, at most
    `min_activations_depth` messages (0: the whole chat).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scan_depth: Annotated[int, Field(ge=0, le=MOST_DEPTH)] = 2
    budget_percent: Annotated[float, Field(ge=0, le=100)] = 25.0
    budget_cap: Annotated[int, Field(ge=0)] = 0
    case_sensitive: bool = False
    whole_words: bool = True
    include_names: bool = True
    recursive: bool = True
    strategy: Literal["evenly", "character_first", "global_first"] = "character_first"
    max_recursion_steps: Annotated[int, Field(ge=0, le=100)] = 0
    min_activations: Annotated[int, Field(ge=0, le=1_000)] = 0
    min_activations_depth: Annotated[int, Field(ge=0, le=MOST_DEPTH)] = 0
    use_group_scoring: bool = False


@dataclass(frozen=True, slots=True)
class LoreMessage:
    """A message of the chat with its speaker's name."""

    name: str
    text: str
    role: Role


@dataclass(frozen=True, slots=True)
class LoreBookOf:
    """A book and where it comes from, which decides who is tried first."""

    source: BookSource
    book: Lorebook


@dataclass(frozen=True, slots=True)
class LoreRequest:
    """One turn. `messages` are oldest first; `count` returns a text's tokens; `context_tokens` is the room.

    `message_count` and `reply_count` are those of the whole chat and of the character's messages in it, where
    `messages` is its end only. `injections` are other texts of the prompt that keys may match, such as an
    author's note. `greeting` is the index of the chat's greeting, `user_icon` the name of the user's icon;
    None where that is not known. `seed` decides what is left to chance.
    """

    books: Sequence[LoreBookOf]
    messages: Sequence[LoreMessage]
    macros: MacroContext
    count: Callable[[str], int]
    context_tokens: int
    seed: int | str
    state: LoreState = field(default_factory=LoreState)
    settings: LoreSettings = field(default_factory=LoreSettings)
    injections: Sequence[str] = ()
    message_count: int | None = None
    reply_count: int | None = None
    greeting: int | None = None
    user_icon: str | None = None

    @property
    def messages_so_far(self) -> int:
        """The length of the chat in messages."""
        return len(self.messages) if self.message_count is None else self.message_count

    @property
    def replies_so_far(self) -> int:
        """How many messages of the chat are the character's."""
        if self.reply_count is not None:
            return self.reply_count
        return sum(message.role == "character" for message in self.messages)

    @property
    def budget(self) -> int:
        """Tokens that all entries together must stay below; 1 at least, as in SillyTavern."""
        settings = self.settings
        share = round(self.context_tokens * settings.budget_percent / 100) or 1
        return min(share, settings.budget_cap) if settings.budget_cap else max(share, 1)
