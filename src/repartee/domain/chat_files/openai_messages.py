"""Messages as OpenAI's chat completions take them.

Format: `{"messages": [{"role": …, "content": …}]}`, a bare list of messages, or JSON Lines with either the
whole chat in one line (as for fine-tuning) or a message in each. System messages before the first word of
the chat are its prompt and not spoken; later ones are a narrator's. Messages of tools, and without a text,
are only kept.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from repartee.domain.chat_files import limits
from repartee.domain.chat_files.cast import UNNAMED, Cast
from repartee.domain.chat_files.checks import typed, valid_name, valid_text
from repartee.domain.chat_files.limits import BadParts, ChatError
from repartee.domain.chat_files.lines import Line, Speaker, name_of
from repartee.domain.chat_files.rows import is_in_rows, numbered_rows, row_object
from repartee.domain.chat_files.strict_json import as_object, read_json, write_json
from repartee.domain.chat_files.transcript import Transcript
from repartee.domain.user import User

_SPEAKERS: Final[Mapping[str, Speaker]] = {
    "user": "user",
    "assistant": "character",
    "system": "narrator",
    "developer": "narrator",
    "tool": "narrator",
    "function": "narrator",
}
_ROLES: Final[Mapping[Speaker, str]] = {"user": "user", "character": "assistant", "narrator": "system"}
_NAMES: Final[Mapping[Speaker, str]] = {"user": User().name, "character": UNNAMED, "narrator": "System"}
_NAME_IN_A_REQUEST: Final = re.compile(r"[^\s<|\\/>]{1,64}")
_TEXT_PARTS: Final = frozenset({"text", "input_text", "output_text"})


def read_openai(text: str, bad: BadParts) -> Transcript:
    """Return the chat. Raises ChatError."""
    header, messages = _found(text, bad)
    lines: list[Line] = []
    for place, fields in messages:
        with bad.found_in(place):
            lines.append(read_message(as_object(fields), lines))
    cast = Cast(name_of("character", lines) or UNNAMED, User(name=name_of("user", lines) or User().name))
    return Transcript(cast, tuple(lines), "openai", header)


def write_openai(transcript: Transcript, *, one_line: bool) -> str:
    """Return the file; names are told where more than one character speaks."""
    group = is_group(transcript.lines)
    messages = [write_message(line, named=group) for line in transcript.lines if line.is_spoken or line.kept]
    return write_json({**transcript.header, "messages": messages}, None if one_line else 2) + "\n"


def is_group(lines: Iterable[Line]) -> bool:
    """Return whether more than one character speaks."""
    return len({line.name for line in lines if line.is_spoken and line.speaker == "character"}) > 1


def read_message(fields: dict[str, Any], before: Iterable[Line]) -> Line:
    """Return the line of a message that comes after others. Raises ChatError."""
    role = typed(fields, "role", str, "")
    if role not in _SPEAKERS:
        raise ChatError(f"role: must be {', '.join(_SPEAKERS)}")
    speaker, text = _SPEAKERS[role], _text(fields)
    is_prompt = speaker == "narrator" and not any(line.is_spoken for line in before)
    name = typed(fields, "name", str, "") or _NAMES[speaker]
    line = Line(speaker, text, name, is_prompt or role in {"tool", "function"}, fields)
    if line.is_spoken:
        valid_text(text, "content")
        valid_name(name, "name")
    return line


def write_message(line: Line, *, named: bool = False) -> Mapping[str, Any]:
    """Return the message of a line."""
    if line.kept is None:
        name = {"name": line.name} if named and _NAME_IN_A_REQUEST.fullmatch(line.name) else {}
        return {"role": _ROLES[line.speaker], **name, "content": line.text}
    return line.kept if _text(line.kept) == line.text else {**line.kept, "content": line.text}


def _text(fields: Mapping[str, Any]) -> str:
    content = fields.get("content")
    if isinstance(content, list):
        return "".join(_part(part) for part in content)
    return typed(fields, "content", str, "")


def _part(part: Any) -> str:
    if not isinstance(part, Mapping) or part.get("type") not in _TEXT_PARTS:
        raise ChatError("content: holds a part that is no text: only texts can be read")
    return typed(part, "text", str, "")


def _found(text: str, bad: BadParts) -> tuple[Mapping[str, Any], list[tuple[str, Any]]]:
    """Return what is said about the chat, and the messages with their places."""
    try:
        content = read_json(text)
    except ChatError:
        if text.lstrip().startswith("[") or not is_in_rows(text):
            raise
        return {}, _rows(text, bad)
    if isinstance(content, dict) and "role" in content:
        return {}, [("line 1", content)]
    messages = content.get("messages") if isinstance(content, dict) else content
    if not isinstance(messages, list):
        raise ChatError('must hold a list of messages, or {"messages": […]}')
    if len(messages) > limits.LINES:
        raise ChatError(f"has more than {limits.LINES:,} messages: split the chat")
    header = content if isinstance(content, dict) else {}
    return (
        {key: value for key, value in header.items() if key != "messages"},
        [(f"message {number}", message) for number, message in enumerate(messages, start=1)],
    )


def _rows(text: str, bad: BadParts) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for number, row in numbered_rows(text):
        with bad.found_in(f"line {number}"):
            fields = row_object(row)
            if "messages" in fields:
                raise ChatError(
                    "is a whole chat, and there are other lines: give each chat a file of its own"
                )
            found.append((f"line {number}", fields))
    return found
