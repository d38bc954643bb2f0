"""JSON Lines: one object in each line that is not blank."""

from collections.abc import Iterator
from typing import Any, Final

from repartee.domain.chat_files import limits
from repartee.domain.chat_files.limits import ChatError
from repartee.domain.chat_files.strict_json import as_object, read_json

_FIELDS: Final = frozenset({"role", "messages", "mes"})


def numbered_rows(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank with their numbers. Raises ChatError where there are too many.

    Only a line feed ends a line: other separators may stand inside a JSON text.
    """
    for number, row in enumerate(text.split("\n"), start=1):
        if number > limits.LINES:
            raise ChatError(f"has more than {limits.LINES:,} lines: split the chat")
        if row.strip():
            yield number, row


def row_object(row: str) -> dict[str, Any]:
    """Return the object of a line. Raises ChatError."""
    if len(row) > limits.LINE_CHARACTERS:
        raise ChatError(f"is longer than {limits.LINE_CHARACTERS:,} characters: shorten it")
    return as_object(read_json(row))


def is_in_rows(text: str) -> bool:
    """Return whether some line is an object of its own, about a message or a chat."""
    return any(found_object(row).keys() & _FIELDS for _, row in numbered_rows(text))


def found_object(row: str) -> dict[str, Any]:
    """Return the object of a line, or an empty one where there is none."""
    try:
        return row_object(row)
    except ChatError:
        return {}
