"""Where and why the conversation happens, sent with each request."""

from pydantic import BaseModel, ConfigDict, Field

from repartee.domain.text import CardText


class Scenario(BaseModel):
    """The situation of one conversation; it replaces the card's own scenario where given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    setting: CardText = Field(default="", description="Where and when it happens.")
    relationship: CardText = Field(default="", description="What the two are to each other.")
    goal: CardText = Field(default="", description="What the character wants from this conversation.")
