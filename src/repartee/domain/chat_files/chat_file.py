"""Chat files of every format: bytes in, bytes out. No file I/O, no clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from repartee.domain.chat_files import limits
from repartee.domain.chat_files.limits import BadParts, ChatError
from repartee.domain.chat_files.openai_messages import read_openai, write_openai
from repartee.domain.chat_files.rows import found_object, numbered_rows
from repartee.domain.chat_files.saved_dialogue import read_dialogue, write_dialogue
from repartee.domain.chat_files.sillytavern import is_header, read_sillytavern, write_sillytavern
from repartee.domain.chat_files.strict_json import read_json
from repartee.domain.chat_files.transcript import ChatFormat, Transcript

_READERS: Final[Mapping[ChatFormat, Callable[[str, BadParts], Transcript]]] = {
    "sillytavern": read_sillytavern,
    "openai": read_openai,
    "repartee": read_dialogue,
}
_SAID_EVERYWHERE: Final = frozenset(
    {"name", "is_user", "is_system", "mes", "swipes", "swipe_id", "role", "content", "text"}
)


@dataclass(frozen=True, slots=True)
class ReadChat:
    """A chat, and what was skipped of its file."""

    transcript: Transcript
    skipped: tuple[ChatError, ...] = ()


def read_chat(data: bytes, chat_format: ChatFormat | None = None, *, skip_bad: bool = False) -> ReadChat:
    """Return the chat of a file. Raises ChatError for the first part that cannot be used, or skips them."""
    text = _text(data)
    bad = BadParts(skip=skip_bad)
    transcript = _READERS[chat_format or told_format(text)](text, bad)
    return ReadChat(transcript, tuple(bad.skipped))


def write_chat(transcript: Transcript, target: ChatFormat, now: str, *, one_line: bool = False) -> bytes:
    """Return the file. `now` is an ISO 8601 date; `one_line` is for OpenAI messages. Raises ChatError."""
    if target not in {transcript.origin, "repartee"}:
        transcript = transcript.as_new(target)
    if target == "sillytavern":
        text = write_sillytavern(transcript, now)
    elif target == "openai":
        text = write_openai(transcript, one_line=one_line)
    else:
        text = write_dialogue(transcript, now)
    data = text.encode()
    if len(data) > limits.FILE_BYTES:
        raise ChatError(f"would be larger than {limits.size(limits.FILE_BYTES)}: split the chat")
    return data


def told_format(text: str) -> ChatFormat:
    """Return the format that the content shows. Raises ChatError."""
    try:
        told = _format_of(read_json(text, limits.DOCUMENT_DEPTH))
    except ChatError:
        told = next(filter(None, (_format_of(found_object(row)) for _, row in numbered_rows(text))), None)
        if told is None:
            raise
    if told is None:
        raise ChatError("is no chat of SillyTavern, no OpenAI messages and no saved dialogue")
    return told


def left_out(transcript: Transcript, target: ChatFormat) -> tuple[str, ...]:
    """Return what `target` cannot say of the chat, for people to read."""
    if target in {transcript.origin, "repartee"}:
        return ()
    hidden = sum(not line.is_spoken for line in transcript.lines) if target == "openai" else 0
    swiped = sum(len((line.kept or {}).get("swipes") or ()) > 1 for line in transcript.lines)
    fields = {field for line in transcript.lines for field in line.kept or {}} - _SAID_EVERYWHERE
    told = (
        (hidden, f"lines that are hidden or have no text: {hidden}"),
        (swiped, f"other swipes, of messages: {swiped}"),
        (fields, f"fields of messages: {', '.join(sorted(fields))}"),
        (transcript.header, f"what {transcript.origin} says about the chat: {', '.join(transcript.header)}"),
    )
    return tuple(lost for there, lost in told if there)


def _format_of(content: Any) -> ChatFormat | None:
    if isinstance(content, list):
        return "openai" if content and _format_of(content[0]) == "openai" else None
    if not isinstance(content, dict):
        return None
    if "messages" in content:
        return "repartee" if "character" in content else "openai"
    if {"role", "content"} <= content.keys():
        return "openai"
    return "sillytavern" if "mes" in content or is_header(content) else None


def _text(data: bytes) -> str:
    if len(data) > limits.FILE_BYTES:
        raise ChatError(f"is larger than {limits.size(limits.FILE_BYTES)}: split the chat")
    if data.count(b"{") + data.count(b"[") > limits.VALUES:  # before they take memory; few chats have as many
        raise ChatError(f"holds more than {limits.VALUES:,} objects and lists: split the chat")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ChatError("is not UTF-8 text: save the file as UTF-8", f"line {line}") from None
    if not text.strip():
        raise ChatError("is empty")
    return text
