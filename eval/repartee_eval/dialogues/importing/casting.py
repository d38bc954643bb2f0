"""Who the character of an imported chat is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from repartee.domain.cards.card_file import CARD_SUFFIXES
from repartee.domain.character import Character
from repartee.domain.chat_files.cast import UNNAMED
from repartee.domain.chat_files.limits import ChatError
from repartee_eval.dialogues.characters import Characters, card_in, id_from
from repartee_eval.dialogues.jsonl import problem_of

_DESCRIPTION_CHARACTERS: Final = 65_536


@dataclass(frozen=True, slots=True)
class Cast:
    """A character with its id."""

    character_id: str
    character: Character


@dataclass(frozen=True, slots=True)
class Casting:
    """Finds the character of a chat: the given one, else a known one with its name, else a new one."""

    characters: Characters = field(default_factory=Characters)
    given: Cast | None = None

    def named(self, name: str, description: str = "") -> Cast:
        """Return the character that a chat names; `description` is what its system text says."""
        if self.given is not None:
            return _described(self.given, description)
        known = None if name == UNNAMED else self.characters.id_of(name)
        if known is not None:
            return Cast(known, self.characters.get(known))
        told = description if name == UNNAMED else ""
        return _described(Cast(id_from(name, told), Character(name=name)), description)

    def of_card(self, card: Mapping[str, Any] | None) -> Cast:
        """Return the character of a card. Raises ChatError. One that has a name only counts as named."""
        character = _read(card or {"name": UNNAMED})
        if character == Character(name=character.name):
            return self.named(character.name)
        known = self.characters.id_of(character.name)
        return Cast(known or id_from(character.name), character)


def casting_for(given: str | None, characters: Characters) -> Casting:
    """Return the casting for `--character`: known id or name, card file, or new name. Raises EvalError."""
    if given is None:
        return Casting(characters)
    if Path(given).suffix.lower() in CARD_SUFFIXES:
        card = card_in(Path(given))
        return Casting(characters, Cast(characters.id_of(card.name) or id_from(Path(given).stem), card))
    known = characters.id_of(given)
    if known is not None:
        return Casting(characters, Cast(known, characters.get(known)))
    return Casting(characters, Cast(id_from(given), Character(name=given)))


def _described(cast: Cast, description: str) -> Cast:
    """A character of which nothing is known but the name is described by the system text."""
    if cast.character != Character(name=cast.character.name) or not description:
        return cast
    told = {"name": cast.character.name, "description": description[:_DESCRIPTION_CHARACTERS]}
    return Cast(cast.character_id, _read(told))


def _read(card: Mapping[str, Any]) -> Character:
    try:
        return Character.from_card(card)
    except ValidationError as error:
        raise ChatError(f"character.{problem_of(error)}") from None
