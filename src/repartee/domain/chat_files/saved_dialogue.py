"""The dialogue that `/save` of `repartee interact` writes: `character`, `user` and `messages`.

Messages have a `role` (`user` or `character`) and a `text`, as `POST /generate` takes them; where several
characters speak also a `speaker`. A chat that came
from another program's file has that file's lines beside them, in `chat_file`, so that nothing of it is lost.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from repartee.domain.chat_files import limits
from repartee.domain.chat_files.cast import CAST_FIELDS, read_cast, write_cast
from repartee.domain.chat_files.checks import typed, valid_name, valid_text
from repartee.domain.chat_files.limits import BadParts, ChatError
from repartee.domain.chat_files.lines import Line
from repartee.domain.chat_files.openai_messages import is_group, read_message, write_message
from repartee.domain.chat_files.sillytavern import read_line, write_header, write_line
from repartee.domain.chat_files.strict_json import as_object, checked, read_json, write_json
from repartee.domain.chat_files.transcript import Transcript
from repartee.domain.dialogue import Role

_FOREIGN: Final = "chat_file"
_OWN_FIELDS: Final = CAST_FIELDS | {"messages", _FOREIGN}


def read_dialogue(text: str, bad: BadParts) -> Transcript:
    """Return the chat. Raises ChatError."""
    document = as_object(read_json(text, limits.DOCUMENT_DEPTH))
    who = read_cast(document)
    header = {key: value for key, value in document.items() if key not in _OWN_FIELDS}
    lines = _lines(document, bad, who.user.name, who.character_name)
    dialogue = Transcript(who, lines, "repartee", header)
    foreign = typed(document, _FOREIGN, dict, {})
    if not foreign:
        return dialogue
    with BadParts(skip=False).found_in(_FOREIGN):
        return _foreign(dialogue, foreign)


def write_dialogue(transcript: Transcript, now: str) -> str:
    """Return the file. `now` is the date of lines that have none."""
    own = transcript.origin == "repartee"
    spoken = [line for line in transcript.lines if line.is_spoken]
    document = {
        **write_cast(transcript.cast),
        **(transcript.header if own else {}),
        "messages": [_message(line, own=own, named=is_group(spoken)) for line in spoken],
        **({} if own else {_FOREIGN: _kept(transcript, now)}),
    }
    return write_json(document, indent=2) + "\n"


def _message(line: Line, *, own: bool, named: bool) -> dict[str, Any]:
    speaker = {"speaker": line.name} if named and line.name else {}
    return {**((line.kept if own else None) or {}), **line.message._asdict(), **speaker}


def _lines(document: Mapping[str, Any], bad: BadParts, user: str, character: str) -> tuple[Line, ...]:
    rows = document.get("messages")
    if not isinstance(rows, list) or len(rows) > limits.LINES:
        raise ChatError(f"messages: must be a list of at most {limits.LINES:,}")
    lines: list[Line] = []
    for number, row in enumerate(rows, start=1):
        with bad.found_in(f"message {number}"):
            fields = as_object(row)
            role = _role(fields)
            text = valid_text(fields.get("text"), "text")
            name = _speaker(fields) or (user if role == "user" else character)
            lines.append(Line(role, text, name, kept=fields))
    return tuple(lines)


def _role(fields: Mapping[str, Any]) -> Role:
    role = fields.get("role")
    if role not in {"user", "character"}:
        raise ChatError("role: must be user or character")
    return cast(Role, role)


def _speaker(fields: Mapping[str, Any]) -> str:
    name = typed(fields, "speaker", str, "").strip()
    return name and valid_name(name, "speaker")


def _kept(transcript: Transcript, now: str) -> dict[str, Any]:
    if transcript.origin == "openai":
        lines, header = [write_message(line) for line in transcript.lines], transcript.header
    else:
        lines, header = [write_line(line, now) for line in transcript.lines], write_header(transcript, now)
    return {"format": transcript.origin, "header": header, "lines": lines}


def _foreign(dialogue: Transcript, foreign: Mapping[str, Any]) -> Transcript:
    """Return the dialogue with the lines of the file that it came from."""
    origin = foreign.get("format")
    if origin not in {"sillytavern", "openai"}:
        raise ChatError("format: must be sillytavern or openai")
    lines: list[Line] = []
    for number, row in enumerate(typed(foreign, "lines", list, []), start=1):
        with BadParts(skip=False).found_in(f"line {number}"):
            fields = as_object(checked(row))
            lines.append(read_message(fields, lines) if origin == "openai" else read_line(fields))
    header = typed(foreign, "header", dict, {})
    chat = Transcript(dialogue.cast, tuple(lines), origin, header)
    return chat.with_messages(dialogue.messages, dialogue.cast.character_name)
