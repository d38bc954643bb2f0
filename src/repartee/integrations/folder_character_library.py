"""Characters from a folder of card files, read once at start."""

import re
from pathlib import Path

from repartee.application.ports import CharacterLibrary
from repartee.domain.cards.card_file import CARD_SUFFIXES, read_card
from repartee.domain.cards.limits import CardError
from repartee.domain.character import Character
from repartee.domain.errors import ConfigurationError, NotFound

_SHORT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class FolderCharacterLibrary(CharacterLibrary):
    """`blaze.json` is the character `blaze`. Files are cards: .json, .yaml, .png or .charx."""

    def __init__(self, folder: Path) -> None:
        """Raises ConfigurationError for a folder that is missing or a file that is not a card."""
        if not folder.is_dir():
            raise ConfigurationError(f"no characters in {folder}: set REPARTEE_CHARACTERS_FOLDER")
        self._characters: dict[str, Character] = {}
        for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in CARD_SUFFIXES):
            if path.stem in self._characters:
                raise ConfigurationError(f"{path.name}: another file has that name too: rename one of them")
            self._characters[path.stem] = _loaded(path)

    def names(self) -> tuple[str, ...]:
        """Return the short names, sorted."""
        return tuple(self._characters)

    def get(self, name: str) -> Character:
        """Return a character by short name. Raises NotFound."""
        try:
            return self._characters[name]
        except KeyError:
            raise NotFound(f"no such character; there are: {', '.join(self._characters)}") from None


def _loaded(path: Path) -> Character:
    if not _SHORT_NAME.fullmatch(path.stem):
        raise ConfigurationError(
            f"{path.name}: use lower-case letters, digits, - and _ in a character's file name"
        )
    try:
        return read_card(path.read_bytes()).character
    except OSError as error:
        raise ConfigurationError(f"{path.name}: {error.strerror}: make it readable or remove it") from None
    except CardError as error:
        raise ConfigurationError(f"{path.name}: {error.message}") from None
