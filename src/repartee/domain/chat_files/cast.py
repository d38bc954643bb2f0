"""Who talks to whom in a chat."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from repartee.domain.chat_files.checks import valid_name, valid_user
from repartee.domain.chat_files.limits import ChatError
from repartee.domain.user import User

CAST_FIELDS: Final = frozenset({"character", "user"})
UNNAMED: Final = "Character"


class Cast(NamedTuple):
    """`character` is a name, or a whole card."""

    character: str | Mapping[str, Any]
    user: User

    @property
    def character_name(self) -> str:
        """The name that the character's lines have."""
        if isinstance(self.character, str):
            return self.character
        data = self.character.get("data", self.character)
        named = (data.get("nickname"), data.get("name")) if isinstance(data, Mapping) else ()
        return next((name for name in named if isinstance(name, str) and name.strip()), UNNAMED)


def read_cast(fields: Mapping[str, Any]) -> Cast:
    """Return the `character` and the `user` that an object names. Raises ChatError."""
    character = fields.get("character")
    if not isinstance(character, Mapping):
        if not isinstance(character, str):
            raise ChatError("character: must be a name or a card")
        character = valid_name(character, "character")
    return Cast(character, valid_user(fields.get("user") or {}, "user"))


def write_cast(cast: Cast) -> dict[str, Any]:
    """Return the fields that `read_cast` reads."""
    character = cast.character if isinstance(cast.character, str) else dict(cast.character)
    return {"character": character, "user": cast.user.model_dump(exclude_none=True)}
