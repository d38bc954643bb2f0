"""What is asked for: one turn of a chat, with everything that belongs to it."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

from repartee.application.card_upload import CardUpload, kind_of_character
from repartee.application.reply_options import GenerationOptions, RetrievalOptions
from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.guard import GuardOptions
from repartee.domain.lorebook import LoreState
from repartee.domain.scenario import Scenario
from repartee.domain.story import AuthorNote
from repartee.domain.text import CardText, MessageText
from repartee.domain.turn_mode import TurnMode
from repartee.domain.user import User

CharacterName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class GenerateRequest(BaseModel):
    """One turn. The upstream context service owns and sends all of it; only `character` is required."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    messages: tuple[Message, ...] = Field(
        default=(), max_length=1_000, description="The chat so far, oldest first. Empty: the greeting."
    )
    user: User = User()
    character: Annotated[
        Annotated[Character, Tag("card")]
        | Annotated[CardUpload, Tag("file")]
        | Annotated[CharacterName, Tag("name")],
        Discriminator(kind_of_character),
    ] = Field(
        description="A character (our fields, or a whole V2/V3 card), a card file as `card_base64`, or the "
        "name of a shipped one."
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
    n: int = Field(default=1, ge=1, le=8, description="How many alternatives to make.")
    stream: bool = False
    dry_run: bool = Field(default=False, description="Return the exact prompt instead of calling the model.")
