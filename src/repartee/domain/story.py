"""What a request tells about the story beside the character: its lorebooks and the author's note."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from repartee.domain.lorebook.book import MOST_DEPTH, LoreRole
from repartee.domain.lorebook.request import LoreBookOf
from repartee.domain.lorebook.state import LoreState
from repartee.domain.text import CardText


class AuthorNote(BaseModel):
    """A note of whoever directs the story, `depth` messages before the end of the chat."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: CardText
    depth: int = Field(default=4, ge=0, le=MOST_DEPTH, description="How many messages come after it.")
    role: Literal["system", "user", "assistant"] = "system"


@dataclass(frozen=True, slots=True)
class DepthNote:
    """A text of the history: `depth` messages come after it. `kind` says whose it is."""

    kind: Literal["lore", "character_note", "author_note"]
    depth: int
    role: LoreRole
    text: str


@dataclass(frozen=True, slots=True)
class Story:
    """Books ready to be searched, what they remember, the author's note, and the seed of chance if given.

    `now` is the user's own time, where the request tells it.
    """

    books: tuple[LoreBookOf, ...] = ()
    state: LoreState = field(default_factory=LoreState)
    note: AuthorNote | None = None
    seed: int | None = None
    now: datetime | None = None
