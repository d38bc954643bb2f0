"""Card files that a command is given. Errors name the file and the place in it."""

from pathlib import Path
from typing import Any

from repartee.domain.cards import limits
from repartee.domain.cards.card_file import CardFile, read_card
from repartee.domain.cards.limits import CardError
from repartee.domain.character import Character
from repartee.presentation.cli.failures import UserMistake


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes, no more than a card may have. Raises UserMistake."""
    try:
        with path.open("rb") as file:
            data = file.read(limits.FILE_BYTES + 1)
    except OSError as error:
        raise UserMistake(f"{path}: {error.strerror or error}") from None
    if len(data) > limits.FILE_BYTES:
        raise UserMistake(f"{path}: is larger than {limits.size(limits.FILE_BYTES)}: remove assets")
    return data


def read_card_file(path: Path) -> CardFile:
    """Return the card of a file in any format. Raises UserMistake."""
    try:
        return read_card(read_bytes(path))
    except CardError as error:
        raise UserMistake(f"{path}: {error.message}") from None


def played(path: Path, card: CardFile) -> Character:
    """Return the character of a card from `path`. Raises UserMistake."""
    try:
        return card.character
    except CardError as error:
        raise UserMistake(f"{path}: {error.message}") from None


def request_card(card: CardFile) -> dict[str, Any]:
    """Return the card as the API takes it. Assets are left out: they are no words, and large."""
    data = {field: value for field, value in card.data.items() if field != "assets"}
    return {"spec": "chara_card_v3", "spec_version": "3.0", "data": data}
