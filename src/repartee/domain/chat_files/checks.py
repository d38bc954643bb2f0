"""Parts of a chat file that have to be what the domain takes. ChatErrors start with the field."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from repartee.domain.chat_files.limits import ChatError
from repartee.domain.text import MessageText, Name
from repartee.domain.user import User

_Type = TypeVar("_Type")

_NAME: TypeAdapter[str] = TypeAdapter(Name)
_USER: TypeAdapter[User] = TypeAdapter(User)
_TEXT: TypeAdapter[str] = TypeAdapter(MessageText)
_CALLED: Final[Mapping[type, str]] = {str: "a text", bool: "true or false", list: "a list", dict: "an object"}


def valid_name(value: Any, field: str) -> str:
    """Return a name of somebody in the chat."""
    return _valid(_NAME, value, field)


def valid_user(value: Any, field: str) -> User:
    """Return the user that a saved dialogue names."""
    return _valid(_USER, value, field)


def valid_text(text: Any, field: str) -> str:
    """Return a text that a message of a dialogue may have."""
    return _valid(_TEXT, text, field)


def typed(fields: Mapping[str, Any], name: str, kind: type[_Type], absent: _Type) -> _Type:
    """Return a field of exactly this type; `absent` where it is missing or null."""
    value = fields.get(name)
    if value is None:
        return absent
    if type(value) is not kind:
        raise ChatError(f"{name}: must be {_CALLED[kind]}")
    return value


def _valid(adapter: TypeAdapter[_Type], value: Any, field: str) -> _Type:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        path = ".".join(map(str, (field, *first["loc"])))
        raise ChatError(f"{path}: {first['msg'].removeprefix('Value error, ')}") from None
