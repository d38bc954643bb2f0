"""Taking facts out of a chat: what is asked, and what is answered."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from repartee.application.given_character import GivenCharacter
from repartee.application.reply import TokenUsage
from repartee.domain.dialogue import Message
from repartee.domain.fact import Fact, FactOwner
from repartee.domain.memory.proposal import RejectReason
from repartee.domain.scenario import Scenario
from repartee.domain.text import FactText, OptionalName, ShortText
from repartee.domain.user import User


class ExtractRequest(BaseModel):
    """A chat, or the part of it that is new. Only the user's turns are read for facts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    messages: Annotated[tuple[Message, ...], Field(min_length=1, max_length=1_000)] = Field(
        description="Oldest first; the character's turns are context."
    )
    user: User = User()
    character: GivenCharacter = Field(description="Who the user talks to, as in `/generate`.")
    scenario: Scenario | None = None
    known_fact_limit: int = Field(
        default=20,
        ge=0,
        le=50,
        description="Stored facts that the model is shown, to repeat none and end some.",
    )
    now: AwareDatetime | None = Field(
        default=None, description="When it was said, in the user's time zone: `next Friday` becomes a date."
    )


class Proposal(BaseModel):
    """A fact that may be remembered.

    `subject` is `user` or the name of somebody else; `evidence` are the user's words in turn `message_index`;
    `supersedes` are ids of stored facts that it ends; `character` is set where only that one may know.
    """

    text: FactText
    owner: FactOwner
    character: OptionalName
    subject: OptionalName
    evidence: ShortText
    message_index: int
    supersedes: tuple[str, ...]
    confidence: float


class RejectedProposal(BaseModel):
    """A proposal that was dropped, without its text. `message_index` is null where no such turn exists."""

    reason: RejectReason
    message_index: int | None


class Extraction(BaseModel):
    """What became of a chat. `stored` is there only where the facts were to be stored."""

    proposals: list[Proposal]
    rejected: list[RejectedProposal]
    stored: list[Fact] | None
    model: str
    usage: TokenUsage
