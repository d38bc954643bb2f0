"""Who answers: the one character of a request, or the member of its cast whose turn it is."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from repartee.application.generate_request import GenerateRequest
from repartee.application.given_cast import checked_speakers, in_cast, members_of
from repartee.application.given_character import character_of
from repartee.application.given_story import OwnBooks
from repartee.application.ports import CharacterLibrary, SafetyDuty
from repartee.application.reply import ChosenSpeaker
from repartee.domain.cast import Cast, Chosen, Member, next_speaker, place_of
from repartee.domain.chance import fingerprint
from repartee.domain.character import Character
from repartee.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class TurnScene:
    """The character that speaks. In a cast also the others, why it speaks, and the books that are its own.

    `duties` are what the service adds to the turn.
    """

    character: Character
    cast: Cast | None = None
    speaker: ChosenSpeaker | None = None
    own_books: OwnBooks | None = None
    duties: tuple[SafetyDuty, ...] = ()

    @property
    def has_books(self) -> bool:
        """Whether the speaker brings books along."""
        return bool((self.own_books and self.own_books.books) or self.character.character_book)

    def naming_fields(self) -> AbstractContextManager[None]:
        """Return the context in which a fault of the card names the member that it belongs to."""
        return in_cast(self.cast.place) if self.cast else nullcontext()


async def scene_of(request: GenerateRequest, library: CharacterLibrary) -> TurnScene:
    """Return who answers. Raises InvalidInput, NotFound."""
    if not request.cast:
        if request.character is None:
            raise InvalidInput("is missing: send a character, or a `cast`", "character")
        if request.speaker is not None:
            raise InvalidInput("is for a scene with `cast` only: leave it out", "speaker")
        return TurnScene(await character_of(request.character, library))
    members = await members_of(request.cast, request.user.name, library)
    checked_speakers(request.messages, members)
    chosen = _chosen(request, members)
    cast = Cast(members, chosen.place)
    writes_for_user = request.mode == "impersonate"
    speaker = None if writes_for_user else ChosenSpeaker(name=cast.speaker.name, reason=chosen.reason)
    books = OwnBooks(cast.speaker.name, f"cast.{cast.place}.lorebooks", request.cast[cast.place].lorebooks)
    return TurnScene(cast.speaker.character, cast, speaker, books)


def _chosen(request: GenerateRequest, members: Sequence[Member]) -> Chosen:
    last = _last_speaker(request, members)
    given = None if request.speaker is None else place_of(request.speaker, members)
    if request.speaker is not None and given is None:
        raise InvalidInput("is no member of the cast: give the name of one", "speaker")
    if request.mode == "continue" and given not in {None, last}:
        raise InvalidInput("did not write the last message, which is to go on: leave it out", "speaker")
    if given is not None:
        return Chosen(given, "given")
    if last is not None:
        return Chosen(last, "last")
    drawn = next_speaker(members, request.messages, _seed(request, members))
    if drawn is None:
        raise InvalidInput("has only muted members: name one of them as `speaker`", "cast")
    return drawn


def _last_speaker(request: GenerateRequest, members: Sequence[Member]) -> int | None:
    """Return who wrote the message that is replaced or goes on; to impersonate, whose card is at hand."""
    if request.mode == "impersonate":
        wrote = (one.speaker for one in reversed(request.messages) if one.role == "character" and one.speaker)
        return next((place for name in wrote if (place := place_of(name, members)) is not None), 0)
    if request.mode == "reply" or not request.messages or request.messages[-1].role == "user":
        return None
    place = place_of(request.messages[-1].speaker or "", members)
    if place is None and (request.speaker is None or request.mode == "continue"):
        field = f"messages.{len(request.messages) - 1}.speaker"
        raise InvalidInput("is no member of the cast: name who is to write the message", field)
    return place


def _seed(request: GenerateRequest, members: Sequence[Member]) -> str:
    """Return the seed of this message: one that never changes must not draw the same member for ever."""
    own = request.generation.seed
    names = [request.user.id or "", *(member.name for member in members)] if own is None else [str(own)]
    return fingerprint(*names, str(len(request.messages)))
