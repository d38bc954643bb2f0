"""What is asked for: one turn of a chat, with everything that belongs to it."""

from typing import Any

from pydantic import AwareDatetime, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError, PydanticKnownError

from repartee.application.given_cast import MOST_MEMBERS, CastMember
from repartee.application.given_character import GivenCharacter
from repartee.application.reply_options import GenerationOptions, RetrievalOptions
from repartee.application.session_fields import SessionFields
from repartee.domain.dialogue import Message
from repartee.domain.guard import GuardOptions
from repartee.domain.lorebook import LoreState
from repartee.domain.scenario import Scenario
from repartee.domain.story import AuthorNote
from repartee.domain.text import CardText, MessageText, Name
from repartee.domain.turn_mode import TurnMode
from repartee.domain.user import User


class GenerateRequest(SessionFields):
    """One turn. The upstream context service owns and sends all of it; only who answers is required."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    messages: tuple[Message, ...] = Field(
        default=(), max_length=1_000, description="The chat so far, oldest first. Empty: the greeting."
    )
    user: User = User()
    cast: tuple[CastMember, ...] | None = Field(
        default=None,
        min_length=2,
        max_length=MOST_MEMBERS,
        description="All characters of a scene, in place of `character`. One of them answers.",
    )
    speaker: Name | None = Field(
        default=None, description="Who of the cast answers; without it, whoever's turn it is."
    )
    character: GivenCharacter | None = Field(
        default=None,
        validate_default=True,
        description="A character (our fields, or a whole V2/V3 card), a card file as `card_base64`, or the "
        "name of a shipped one. Needed where there is no `cast`.",
    )
    scenario: Scenario | None = None
    summary: CardText = Field(default="", description="What happened before `messages`: see `POST /digest`.")
    lorebooks: tuple[dict[str, Any], ...] = Field(
        default=(),
        max_length=8,
        description="Books of the world (V2, V3 or SillyTavern's), besides the card's own.",
    )
    lore_state: LoreState = Field(
        default=LoreState(), description="What the last reply returned as `lore.state`."
    )
    author_note: AuthorNote | None = None
    generation: GenerationOptions = GenerationOptions()
    retrieval: RetrievalOptions = RetrievalOptions()
    guard: GuardOptions = Field(
        default=GuardOptions(),
        description="Switches of the output guard; what is left out is the card's choice.",
    )
    mode: TurnMode = Field(
        default="reply",
        description="`regenerate`: another reply than those in `avoid` and than a last message of the "
        "character. `continue`: what comes next in the character's last message. `impersonate`: the user's "
        "next message.",
    )
    avoid: tuple[MessageText, ...] = Field(
        default=(), max_length=8, description="To regenerate: what was answered already."
    )
    greeting: int | None = Field(
        default=None, ge=0, description="Which greeting opens an empty chat; 0 is `first_mes`."
    )
    now: AwareDatetime | None = Field(
        default=None,
        description="The user's time, with its offset: what `{{time}}`, `{{date}}` and their like stand for.",
    )
    n: int = Field(default=1, ge=1, le=8, description="How many alternatives to make.")
    arm: str | None = Field(
        default=None,
        max_length=64,
        description="Which arm is to answer, where the operator lets requests choose.",
    )
    stream: bool = False
    dry_run: bool = Field(default=False, description="Return the exact prompt instead of calling the model.")

    @field_validator("character", mode="before")
    @classmethod
    def _character_or_cast(cls, value: Any, info: ValidationInfo) -> Any:
        cast = info.data.get("cast", True)  # a cast that is wrong is reported as itself
        if value is None and not cast:
            raise PydanticKnownError("missing")
        if value is not None and cast and "cast" in info.data:
            raise PydanticCustomError("both", "must be left out: `cast` holds all characters of the scene")
        return value
