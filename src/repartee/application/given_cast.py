"""The cast of a request: several characters, each as a shipped name, a card or a card file."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from repartee.application.given_character import GivenCharacter, character_of
from repartee.application.ports import CharacterLibrary
from repartee.domain.cast import Member, place_of, talkativeness_of
from repartee.domain.dialogue import Message
from repartee.domain.errors import InvalidInput, NotFound
from repartee.domain.fact import character_key

MOST_MEMBERS = 16


class CastMember(BaseModel):
    """One character of a scene, with what is its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    character: GivenCharacter = Field(description="As `character` of a request without a cast.")
    lorebooks: tuple[dict[str, Any], ...] = Field(
        default=(), max_length=8, description="Books that are read where this one speaks, besides the card's."
    )
    talkativeness: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="How readily it speaks; without it the card's `extensions.talkativeness`, else 0.5.",
    )
    muted: bool = Field(default=False, description="Speaks only where `speaker` names it.")


async def members_of(
    given: Sequence[CastMember], user_name: str, library: CharacterLibrary
) -> tuple[Member, ...]:
    """Return the members. Raises InvalidInput for names that cannot be told apart, NotFound."""
    members: list[Member] = []
    for place, one in enumerate(given):
        with in_cast(place):
            member = await _member(one, library)
        _refuse_taken(member, place, members, user_name)
        members.append(member)
    return tuple(members)


def checked_speakers(messages: Sequence[Message], members: Sequence[Member]) -> None:
    """Refuse messages of which nobody knows who spoke. Others than the members may have spoken before."""
    for place, message in enumerate(messages):
        field = f"messages.{place}.speaker"
        if message.role == "character" and message.speaker is None:
            raise InvalidInput("is missing: with `cast`, a character's message names who spoke", field)
        if message.role == "user" and message.speaker and place_of(message.speaker, members) is not None:
            raise InvalidInput("is a member of the cast: give the message the role `character`", field)


@contextmanager
def in_cast(place: int) -> Iterator[None]:
    """Name the member in what is wrong with its card."""
    try:
        yield
    except InvalidInput as error:
        if not error.field.startswith("character"):
            raise
        raise InvalidInput(error.message, f"cast.{place}.{error.field}") from None
    except NotFound as error:
        raise NotFound(f"cast.{place}.character: {error.message}") from None


async def _member(given: CastMember, library: CharacterLibrary) -> Member:
    character = await character_of(given.character, library)
    own = talkativeness_of(character.extensions)
    return Member(
        character,
        id=given.character if isinstance(given.character, str) else "",
        talkativeness=own if given.talkativeness is None else given.talkativeness,
        muted=given.muted,
    )


def _refuse_taken(member: Member, place: int, before: Sequence[Member], user_name: str) -> None:
    field = f"cast.{place}.character"
    taken = next((at for at, other in enumerate(before) if member.keys & other.keys), None)
    if taken is not None:
        raise InvalidInput(f"has a name of cast.{taken}: give one of the two cards another `nickname`", field)
    if character_key(user_name) in member.keys:
        raise InvalidInput(
            "has the user's name: give the card another `nickname`, or change `user.name`", field
        )
