"""Characters from a folder of card files, read once at start."""

import re
from pathlib import Path

import orjson
from pydantic import ValidationError

from repartee.application.ports import CharacterLibrary
from repartee.domain.character import Character
from repartee.domain.errors import ConfigurationError, NotFound

_SHORT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class FolderCharacterLibrary(CharacterLibrary):
    """`blaze.json` is the character `blaze`. Files are Character Card V2 or V3 JSON."""

    def __init__(self, folder: Path) -> None:
        """Raises ConfigurationError for a folder that is missing or a file that is not a card."""
        if not folder.is_dir():
            raise ConfigurationError(f"no characters in {folder}: set REPARTEE_CHARACTERS_FOLDER")
        self._characters = {path.stem: _loaded(path) for path in sorted(folder.glob("*.json"))}

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
        return Character.from_card(orjson.loads(path.read_bytes()))
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(
            f"{path.name} is not JSON: line {error.lineno}, column {error.colno}"
        ) from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{path.name}: {place}: {first['msg']}") from None
