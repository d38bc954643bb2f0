"""Files of many chats: OpenAI messages and ShareGPT, one chat per line or all in one list."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from repartee.domain.chat_files import limits
from repartee.domain.chat_files.chat_file import read_chat
from repartee.domain.chat_files.limits import BadParts, ChatError
from repartee.domain.chat_files.openai_messages import read_openai
from repartee.domain.chat_files.strict_json import as_object, read_json, write_json
from repartee_eval.dialogues.bad_lines import BadLines
from repartee_eval.dialogues.dialogue import Dialogue
from repartee_eval.dialogues.importing.casting import Casting
from repartee_eval.dialogues.importing.chats import dialogue_of
from repartee_eval.dialogues.importing.sharegpt import as_openai
from repartee_eval.dialogues.jsonl import numbered_lines
from repartee_eval.errors import EvalError

_AS_OPENAI: Final[dict[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "openai": lambda fields: fields,
    "sharegpt": as_openai,
}


def read_rows(path: Path, source: str, casting: Casting, bad: BadLines) -> Iterator[Dialogue]:
    """Yield the chats of a file of OpenAI messages or of ShareGPT; bad ones go to `bad`."""
    for number, fields in _numbered_chats(path, bad):
        try:
            yield chat_of(fields, source, casting)
        except ChatError as error:
            bad.add(str(path), number, error.message)


def chat_of(fields: Any, source: str, casting: Casting) -> Dialogue:
    """Return the dialogue of one chat's object. Raises ChatError."""
    chat = _AS_OPENAI[source](as_object(fields))
    if "messages" not in chat:
        raise ChatError("messages: is missing")
    return dialogue_of(read_openai(write_json(chat), BadParts(skip=False)), casting, source)


def read_sillytavern_file(path: Path, casting: Casting, bad: BadLines) -> Iterator[Dialogue]:
    """Yield the chat of a file of SillyTavern's; its bad lines go to `bad`, and a chat with any is left out
    unless they may be skipped.
    """
    try:
        chat = read_chat(bytes_of(path), "sillytavern", skip_bad=True)
        for skipped in chat.skipped:
            bad.add(str(path), _line(skipped), skipped.problem)
        if chat.skipped and not bad.skip:
            return
        yield dialogue_of(chat.transcript, casting, "sillytavern")
    except ChatError as error:
        bad.add(str(path), _line(error), error.problem)


def bytes_of(path: Path, at_most: int = limits.FILE_BYTES) -> bytes:
    """Return a file. Raises ChatError for one that is too large, EvalError for one that cannot be read."""
    try:
        if path.stat().st_size > at_most:
            raise ChatError(f"is larger than {limits.size(at_most)}: split the file")
        return path.read_bytes()
    except OSError as error:
        raise EvalError(f"{path}: {error.strerror}") from None


def _numbered_chats(path: Path, bad: BadLines) -> Iterator[tuple[int, Any]]:
    whole = _whole(path) or _one_message_per_line(path)
    if whole is not None:
        yield from enumerate(whole, start=1)
        return
    for number, text in numbered_lines(path, bad):
        try:
            yield number, read_json(text.strip())
        except ChatError as error:
            bad.add(str(path), number, error.message)


def _whole(path: Path) -> list[Any] | None:
    """Return the chats of a file that is one JSON document, None where each line is one."""
    try:
        text = bytes_of(path).decode("utf-8-sig")
        document = read_json(text)
    except (ChatError, UnicodeDecodeError):
        return None
    if isinstance(document, dict):
        return [document]
    if not isinstance(document, list):
        return None
    said = document and isinstance(document[0], dict) and "role" in document[0]
    return [{"messages": document}] if said else document


def _one_message_per_line(path: Path) -> list[Any] | None:
    """Return the chat of a file with a message of OpenAI's form in each line, None for other files."""
    first = next((text for _, text in numbered_lines(path, BadLines())), "")
    try:
        if "role" not in as_object(read_json(first.strip())):
            return None
        transcript = read_chat(bytes_of(path), "openai").transcript
    except ChatError:
        return None
    return [{"messages": [line.kept for line in transcript.lines]}]


def _line(error: ChatError) -> int | None:
    place = error.place.removeprefix("line ").split(",")[0]
    return int(place) if error.place.startswith("line ") and place.isdigit() else None
