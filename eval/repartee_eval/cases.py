"""What is judged: two sides under one character and scene.

A case is plain data with an id that hashes all of it, so that the same question is recognised anywhere.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.scenario import Scenario
from repartee.domain.user import User

Depth = Literal["beginning", "middle", "end"]
Order = Literal["ab", "ba"]
"""Which side the judge reads first: `ab` shows side A first."""


class Side(BaseModel):
    """What one model did: a window of a dialogue, or one reply. Judged: `messages[focus:]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    messages: tuple[Message, ...] = Field(min_length=1)
    focus: int = Field(default=0, ge=0)
    dialogue_id: str = ""
    reply_ids: tuple[str, ...] = ()
    emulated: bool = False
    truncated: bool = False
    prompt_version: str | None = None

    @property
    def length(self) -> int:
        """Characters that the character wrote in the judged part."""
        return sum(
            len(message.text) for message in self.messages[self.focus :] if message.role == "character"
        )


class Case(BaseModel):
    """One comparison. `shared` is the history before both sides (empty where they are whole windows).

    `cluster` is the dialogue whose cases are not independent of one another. `golden`: made of a dialogue
    that may be tested on but never trained on; it is no part of the question, nor of the id.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    kind: Literal["window", "reply"]
    cluster: str
    character_id: str
    character: Character
    user: User = User()
    scenario: Scenario | None = None
    scenario_id: str | None = None
    depth: Depth | None = None
    shared: tuple[Message, ...] = ()
    golden: bool = False
    a: Side
    b: Side
