"""A scene of several characters: who is in it, whose message is whose, and who speaks next."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from repartee.domain.chance import chance
from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.fact import character_key
from repartee.domain.mentions import first_mentioned

SpeakerReason = Literal["given", "last", "mentioned", "drawn", "only"]
"""`given`: the request names the speaker. `last`: the last message is written anew or goes on. `mentioned`:
the newest message names it. `drawn`: by talkativeness. `only`: nobody else could."""

DEFAULT_TALKATIVENESS: Final = 0.5
_COLONS: Final = re.compile(r"[:：]+")


@dataclass(frozen=True, slots=True)
class Member:
    """One of the characters. `talkativeness` is 0 to 1; one that is muted speaks only where it is told to.

    `id` is the name under which a shipped character is sent.
    """

    character: Character
    id: str = ""
    talkativeness: float = DEFAULT_TALKATIVENESS
    muted: bool = False

    @property
    def name(self) -> str:
        """The name that stands in the chat."""
        return self.character.display_name

    @property
    def names(self) -> tuple[str, ...]:
        """The names that people call it by."""
        return tuple(dict.fromkeys((self.character.display_name, self.character.name)))

    @property
    def keys(self) -> frozenset[str]:
        """What it may be sent under, as it is compared."""
        return frozenset(character_key(name) for name in (*self.names, self.id) if name)


@dataclass(frozen=True, slots=True)
class Cast:
    """All members of a scene, and the place of the one who speaks."""

    members: tuple[Member, ...]
    place: int

    @property
    def speaker(self) -> Member:
        """The one who speaks."""
        return self.members[self.place]

    @property
    def others(self) -> tuple[Member, ...]:
        """Everybody else, in the order of the scene."""
        return tuple(member for member in self.members if member is not self.speaker)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all, muted ones too."""
        return tuple(member.name for member in self.members)

    @property
    def muted_names(self) -> tuple[str, ...]:
        """The names of those that are muted."""
        return tuple(member.name for member in self.members if member.muted)

    def is_own(self, message: Message) -> bool:
        """Say whether the speaker wrote the message."""
        return message.role == "character" and character_key(message.speaker or "") in self.speaker.keys


class Chosen(NamedTuple):
    """The place of who speaks next, and why."""

    place: int
    reason: SpeakerReason


def place_of(name: str, members: Sequence[Member]) -> int | None:
    """Return whose name it is, in any letter case; None for somebody who is not there."""
    key = character_key(name)
    return next((place for place, member in enumerate(members) if key in member.keys), None)


def next_speaker(members: Sequence[Member], messages: Sequence[Message], seed: int | str) -> Chosen | None:
    """Return who speaks next; None where all are muted. The same arguments give the same answer.

    Rules of SillyTavern's "natural order", for one speaker: never who wrote the newest message, unless nobody
    else is there; then whom the newest message names first; then, in an order left to chance, the first whose
    roll is below its talkativeness; where nobody's is, anybody who ever talks by itself, else anybody.
    """
    present = [place for place, member in enumerate(members) if not member.muted]
    if not present:
        return None
    newest = messages[-1] if messages else None
    wrote = place_of(newest.speaker or "", members) if newest and newest.role == "character" else None
    free = [place for place in present if place != wrote] or present
    if len(present) > 1 and newest:
        named = first_mentioned(newest.text, [members[place].names for place in free])
        if named is not None:
            return Chosen(free[named], "mentioned")
    return Chosen(free[0], "only") if len(free) == 1 else Chosen(_drawn(free, members, seed), "drawn")


def _drawn(free: Sequence[int], members: Sequence[Member], seed: int | str) -> int:
    """Draw one: each has luck of its own, so that another one's coming or going leaves it as it is."""

    def luck(place: int, what: str) -> float:
        return chance(seed, "speaker", what, character_key(members[place].name))

    shuffled = sorted(free, key=lambda place: luck(place, "order"))
    ready = [place for place in shuffled if luck(place, "roll") < members[place].talkativeness]
    talkers = [place for place in shuffled if members[place].talkativeness > 0]
    return (ready or talkers or shuffled)[0]


def talkativeness_of(extensions: Mapping[str, Any]) -> float:
    """Return how readily a card's character speaks: `extensions.talkativeness`, often a number in quotes.

    What is no number is the default, 0.5; others are brought into 0 to 1.
    """
    given = extensions.get("talkativeness")
    try:
        value = float(given) if isinstance(given, (int, float, str)) else math.nan
    except (ValueError, OverflowError):
        value = math.nan
    return DEFAULT_TALKATIVENESS if math.isnan(value) else min(max(value, 0.0), 1.0)


def label(name: str) -> str:
    """Return the name as it stands before a line: without colons, which would end it early."""
    return " ".join(_COLONS.sub(" ", name).split()) or "?"
