"""Messages and the dialogue they make."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from repartee.domain.text import MessageText

Role = Literal["user", "character"]


class Message(BaseModel):
    """One turn of the chat, oldest first in a dialogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    text: MessageText


class Dialogue(BaseModel):
    """A chat so far."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    messages: tuple[Message, ...] = ()
