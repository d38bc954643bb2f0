"""Messages and the dialogue they make."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from repartee.domain.text import MessageText, Name

Role = Literal["user", "character"]


class Message(BaseModel):
    """One turn of the chat, oldest first in a dialogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    text: MessageText
    speaker: Name | None = Field(
        default=None, description="Who spoke, where more than two do: see `cast` of `POST /generate`."
    )


class Dialogue(BaseModel):
    """A chat so far."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    messages: tuple[Message, ...] = ()
