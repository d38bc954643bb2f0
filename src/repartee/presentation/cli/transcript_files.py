"""Chat files that a command is given or writes. Errors name the file and the line."""

from datetime import UTC, datetime
from pathlib import Path

from repartee.domain.chat_files import limits
from repartee.domain.chat_files.chat_file import ReadChat, read_chat, write_chat
from repartee.domain.chat_files.limits import ChatError
from repartee.domain.chat_files.transcript import ChatFormat, Transcript
from repartee.presentation.cli.failures import UserMistake


def read_chat_file(path: Path, chat_format: ChatFormat | None = None, *, skip_bad: bool = False) -> ReadChat:
    """Return the chat of a file. Raises UserMistake."""
    try:
        with path.open("rb") as file:
            data = file.read(limits.FILE_BYTES + 1)
    except OSError as error:
        raise UserMistake(f"{path}: {error.strerror or error}") from None
    try:
        return read_chat(data, chat_format, skip_bad=skip_bad)
    except ChatError as error:
        raise UserMistake(described(path, error)) from None


def chat_file_bytes(path: Path, transcript: Transcript, chat_format: ChatFormat) -> bytes:
    """Return what a file of this name holds. Raises UserMistake."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    try:
        return write_chat(transcript, chat_format, now, one_line=is_json_lines(path))
    except ChatError as error:
        raise UserMistake(described(path, error)) from None


def is_json_lines(path: Path) -> bool:
    """Return whether the name is one of a JSON Lines file."""
    return path.suffix.lower() == ".jsonl"


def described(path: Path, error: ChatError) -> str:
    """Return the error with its file in front."""
    return f"{path}, {error.message}" if error.place else f"{path}: {error.message}"
