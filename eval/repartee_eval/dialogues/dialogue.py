"""One dialogue as evaluation keeps it: a line of JSON that holds all a judge needs.

Format `repartee.dialogue/1`, documented in docs/dialogues.md. Ids are stable across imports of the same chat.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from repartee.domain.character import Character
from repartee.domain.dialogue import Message, Role
from repartee.domain.scenario import Scenario
from repartee.domain.text import MessageText, OptionalName
from repartee.domain.user import User

FORMAT: Final = "repartee.dialogue/1"

Id = Annotated[str, StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f]{1,200}$")]
"""Without white space and control characters, 1 to 200 characters."""


Feedback = Literal["like", "dislike", "flag", "regenerate"]


class Discarded(BaseModel):
    """A reply that stood in a message's place before: regenerated, swiped away, edited or continued."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    text: MessageText
    model: str | None = None
    prompt_version: str | None = None
    finish_reason: str | None = None
    at: datetime | None = None
    feedback: tuple[Feedback, ...] = ()


class Turn(BaseModel):
    """One message of a dialogue, and for the character's where it came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    role: Role
    text: MessageText
    speaker: OptionalName = Field(default="", description="Who speaks in a group; empty: the one character.")
    model: str | None = Field(default=None, description="What wrote the reply; None where unknown.")
    prompt_version: str | None = Field(default=None, description="Hash of the prompt templates, where known.")
    finish_reason: str | None = None
    at: datetime | None = None
    feedback: tuple[Feedback, ...] = ()
    discarded: tuple[Discarded, ...] = Field(default=(), description="Replies that this one replaced.")

    @property
    def message(self) -> Message:
        """The message as the service takes it."""
        if self.speaker:
            return Message(role=self.role, text=self.text, speaker=self.speaker)
        return Message(role=self.role, text=self.text)


class Dialogue(BaseModel):
    """A chat of one user with one character, oldest message first.

    `emulated`: a model played the user. `source` says which importer made it, `golden` that it may be tested
    on but never trained on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["repartee.dialogue/1"] = FORMAT
    id: Id
    character_id: Id
    character: Character
    user: User = User()
    scenario: Scenario | None = None
    scenario_id: Id | None = None
    messages: tuple[Turn, ...]
    source: str = ""
    emulated: bool = False
    golden: bool = False

    def history(self, end: int) -> tuple[Message, ...]:
        """Return the messages before index `end`, as the service takes them."""
        return tuple(turn.message for turn in self.messages[:end])
