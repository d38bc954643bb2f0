"""The character of a request: by name, as a card, or as a card file."""

from typing import Annotated, Final

from pydantic import Discriminator, StringConstraints, Tag

from repartee.application.card_upload import CardUpload, kind_of_character
from repartee.application.ports import CharacterLibrary
from repartee.domain.character import Character

SHORT_NAME: Final = r"^[a-z0-9][a-z0-9_-]{0,63}$"
"""The name of a shipped character."""

GivenCharacter = Annotated[
    Annotated[Character, Tag("card")]
    | Annotated[CardUpload, Tag("file")]
    | Annotated[str, StringConstraints(pattern=SHORT_NAME), Tag("name")],
    Discriminator(kind_of_character),
]


async def character_of(given: Character | CardUpload | str, library: CharacterLibrary) -> Character:
    """Return the character. Raises NotFound for an unknown name, InvalidInput for a file that is no card."""
    if isinstance(given, str):
        return library.get(given)
    return await given.read() if isinstance(given, CardUpload) else given
