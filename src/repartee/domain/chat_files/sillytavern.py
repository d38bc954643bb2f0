"""SillyTavern's chats: JSON Lines, one object about the chat and one for each message.

Format: `/chats/<character>/<file>.jsonl` of SillyTavern. The first line has `user_name`, `character_name`,
`create_date` and `chat_metadata`; the others `name`, `is_user`, `is_system` (hidden from the prompt),
`send_date`, `mes`, `extra` (`type: narrator` for a narrator), `swipes`, `swipe_id`, `swipe_info`. `mes` is
the swipe that is shown. What else an object says is kept.

Who talks to whom beyond two names (a card, a user's id) is in `chat_metadata.repartee`; other programs
leave what they do not know there as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from repartee.domain.chat_files.cast import UNNAMED, Cast, read_cast, write_cast
from repartee.domain.chat_files.checks import typed, valid_name, valid_text
from repartee.domain.chat_files.limits import BadParts, ChatError
from repartee.domain.chat_files.lines import Line, Speaker, name_of
from repartee.domain.chat_files.rows import numbered_rows, row_object
from repartee.domain.chat_files.strict_json import write_json
from repartee.domain.chat_files.transcript import Transcript
from repartee.domain.user import User

_ABOUT_THE_CHAT: Final = frozenset({"user_name", "character_name", "create_date", "chat_metadata"})
_NAMELESS: Final = ("", "unused")  # what newer versions write in place of the names
_OWN: Final = "repartee"


def read_sillytavern(text: str, bad: BadParts) -> Transcript:
    """Return the chat. Raises ChatError."""
    header: Mapping[str, Any] = {}
    lines: list[Line] = []
    for number, row in numbered_rows(text):
        with bad.found_in(f"line {number}"):
            fields = row_object(row)
            if not header and not lines and is_header(fields):
                cast_of(fields, ())
                header = fields
            else:
                lines.append(read_line(fields))
    return Transcript(cast_of(header, lines), tuple(lines), "sillytavern", header)


def write_sillytavern(transcript: Transcript, now: str) -> str:
    """Return the file. `now` is the date of what has none, in ISO 8601."""
    rows = (write_header(transcript, now), *(write_line(line, now) for line in transcript.lines))
    return "".join(f"{write_json(row)}\n" for row in rows)


def is_header(fields: Mapping[str, Any]) -> bool:
    """Return whether the object is about the whole chat."""
    return "mes" not in fields and not _ABOUT_THE_CHAT.isdisjoint(fields)


def cast_of(header: Mapping[str, Any], lines: Sequence[Line]) -> Cast:
    """Return who talks, from what the header says or the lines show. Raises ChatError."""
    own = typed(typed(header, "chat_metadata", dict, {}), _OWN, dict, {})
    if own:
        return read_cast(own)
    user = _named(header, "user_name") or name_of("user", lines) or User().name
    return Cast(_named(header, "character_name") or name_of("character", lines) or UNNAMED, User(name=user))


def read_line(fields: Mapping[str, Any]) -> Line:
    """Return the line that an object stands for. Raises ChatError."""
    text, name = fields.get("mes"), typed(fields, "name", str, "")
    if not isinstance(text, str):
        raise ChatError("mes: must be the message's text")
    if not all(isinstance(swipe, str) for swipe in typed(fields, "swipes", list, [])):
        raise ChatError("swipes: must be a list of texts")
    line = Line(_speaker(fields), text, name.strip(), typed(fields, "is_system", bool, False), fields)
    if line.is_spoken:
        valid_text(text, "mes")
        _ = line.name and valid_name(line.name, "name")
    return line


def write_header(transcript: Transcript, now: str) -> Mapping[str, Any]:
    """Return the first line; it says so where the names do not tell the whole cast."""
    cast, lines = transcript.cast, transcript.lines
    header = transcript.header or {
        "user_name": cast.user.name,
        "character_name": name_of("character", lines) or cast.character_name,
        "create_date": now,
        "chat_metadata": {},
    }
    if cast_of(header, lines) == cast:
        return header
    metadata = typed(header, "chat_metadata", dict, {})
    return {**header, "chat_metadata": {**metadata, _OWN: write_cast(cast)}}


def write_line(line: Line, now: str) -> Mapping[str, Any]:
    """Return the object of a line; a reply that was tried again becomes another swipe."""
    if line.kept is None:
        return {
            "name": line.name,
            "is_user": line.speaker == "user",
            "is_system": line.hidden,
            "send_date": now,
            "mes": line.text,
            "extra": {"type": "narrator"} if line.speaker == "narrator" else {},
        }
    if line.kept["mes"] == line.text:
        return line.kept
    return {**line.kept, "mes": line.text, **_swiped(line, line.kept, now)}


def _swiped(line: Line, kept: Mapping[str, Any], now: str) -> dict[str, Any]:
    """Return the swipes with the line's text among them."""
    swipes: list[str] = list(kept.get("swipes") or [])
    if line.speaker == "user" and not swipes:
        return {}
    swipes = swipes or [kept["mes"]]
    if line.text in swipes:
        return {"swipes": swipes, "swipe_id": swipes.index(line.text)}
    told = kept.get("swipe_info")
    info = {"swipe_info": [*told, {"send_date": now, "extra": {}}]} if isinstance(told, list) else {}
    return {"swipes": [*swipes, line.text], "swipe_id": len(swipes), **info}


def _speaker(fields: Mapping[str, Any]) -> Speaker:
    if typed(fields, "is_user", bool, False):
        return "user"
    return "narrator" if typed(fields, "extra", dict, {}).get("type") == "narrator" else "character"


def _named(header: Mapping[str, Any], field: str) -> str:
    name = typed(header, field, str, "").strip()
    return "" if name in _NAMELESS else valid_name(name, field)
