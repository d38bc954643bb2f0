"""A character sent along as a card file inside a JSON request."""

import asyncio
import base64
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from repartee.domain.cards.card_file import read_card
from repartee.domain.cards.limits import CardError
from repartee.domain.character import Character
from repartee.domain.errors import InvalidInput

_FIELD = "character.card_base64"


class CardUpload(BaseModel):
    """A card file of any format: PNG, CHARX, JSON or YAML."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    card_base64: str = Field(description="The bytes of the file in base64.")

    async def read(self) -> Character:
        """Return the character on the card. Raises InvalidInput."""
        return await asyncio.to_thread(self._character)

    def _character(self) -> Character:
        try:
            data = base64.b64decode(self.card_base64, validate=True)
        except ValueError:
            raise InvalidInput("is not base64: send the bytes of the file in base64", _FIELD) from None
        try:
            return read_card(data).character
        except CardError as error:
            raise InvalidInput(error.message, _FIELD) from None


def kind_of_character(value: Any) -> Literal["name", "file", "card"]:
    """Return how a request gives its character: by name, as a file, or as an object."""
    if isinstance(value, str):
        return "name"
    is_file = isinstance(value, CardUpload) or (isinstance(value, dict) and "card_base64" in value)
    return "file" if is_file else "card"
