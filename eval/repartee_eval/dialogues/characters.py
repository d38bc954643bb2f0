"""Characters by id: the cards of a folder, and ids for those that are in none."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from repartee.domain.cards.card_file import CARD_SUFFIXES, read_card
from repartee.domain.cards.limits import CardError
from repartee.domain.character import Character
from repartee_eval.errors import EvalError

_NO_PART_OF_AN_ID: Final = re.compile(r"[^\w.-]+")
_ID_CHARACTERS: Final = 60


@dataclass(frozen=True, slots=True)
class Characters:
    """Known characters. `marlow.json` is the character `marlow`, as in the service."""

    by_id: Mapping[str, Character] = field(default_factory=dict)

    def get(self, character_id: str) -> Character:
        """Return a character. Raises EvalError."""
        try:
            return self.by_id[character_id]
        except KeyError:
            known = ", ".join(sorted(self.by_id)) or "none"
            raise EvalError(
                f"no character {character_id!r:.80}; there are: {known}. Write the whole card instead"
            ) from None

    def id_of(self, name: str) -> str | None:
        """Return the id of the character with this id or name, None where there is none."""
        if name in self.by_id:
            return name
        called = name.casefold()
        return next(
            (
                character_id
                for character_id, character in self.by_id.items()
                if called in {character.name.casefold(), character.display_name.casefold()}
            ),
            None,
        )


def characters_in(folder: Path) -> Characters:
    """Return the cards of a folder. Raises EvalError for a file that is no card."""
    cards = (path for path in folder.iterdir() if path.suffix.lower() in CARD_SUFFIXES)
    return Characters({path.stem: card_in(path) for path in sorted(cards)})


def card_in(path: Path) -> Character:
    """Return the character of a card file. Raises EvalError."""
    try:
        return read_card(path.read_bytes()).character
    except OSError as error:
        raise EvalError(f"{path.name}: {error.strerror}") from None
    except CardError as error:
        raise EvalError(f"{path.name}: {error.message}") from None


def id_from(name: str, told: str = "") -> str:
    """Return an id made of a name, and of a hash of `told` where the name alone says too little.

    >>> id_from("Captain  O'Hara")
    'captain-o-hara'
    """
    slug = _NO_PART_OF_AN_ID.sub("-", name.casefold()).strip("-")[:_ID_CHARACTERS] or "character"
    return f"{slug}-{hashlib.sha256(told.encode()).hexdigest()[:8]}" if told else slug
