"""Dialogues as JSON Lines: format `repartee.dialogue/1`, one dialogue per line. See docs/dialogues.md.

Reading is strict and line by line. A line is a dialogue, or it is bad and told with its number.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from pydantic import ValidationError

from repartee.domain.character import Character
from repartee.domain.chat_files.limits import ChatError
from repartee.domain.chat_files.strict_json import as_object, read_json
from repartee_eval.dialogues.bad_lines import BadLines
from repartee_eval.dialogues.dialogue import FORMAT, Dialogue
from repartee_eval.errors import EvalError

LINE_BYTES: Final = 16 << 20
_PLACEHOLDER: Final = {"name": "-"}

CharacterLoader = Callable[[str], Character]
"""Returns the character with an id, or raises EvalError."""


@dataclass(frozen=True, slots=True)
class LoadedDialogues:
    """The dialogues of a file, and what was wrong with it."""

    dialogues: tuple[Dialogue, ...]
    bad: BadLines


def load_dialogues(path: Path, loader: CharacterLoader, *, skip_bad: bool = False) -> LoadedDialogues:
    """Return all dialogues of a file. Raises EvalError for bad lines, told together, and for no dialogues."""
    bad = BadLines(skip=skip_bad)
    dialogues = tuple(iter_dialogues(path, loader, bad))
    bad.settle()
    if not dialogues:
        raise EvalError(f"{path}: holds no dialogues")
    return LoadedDialogues(dialogues, bad)


def iter_dialogues(path: Path, loader: CharacterLoader, bad: BadLines) -> Iterator[Dialogue]:
    """Yield the dialogues of a file one by one; bad lines go to `bad`. Raises EvalError."""
    seen: set[str] = set()
    for number, text in numbered_lines(path, bad):
        try:
            dialogue = read_line(text, loader)
        except ChatError as error:
            bad.add(str(path), number, error.message)
            continue
        if dialogue.id in seen:
            bad.add(str(path), number, "id: another dialogue of this file has it too")
            continue
        seen.add(dialogue.id)
        yield dialogue


def read_line(text: str, loader: CharacterLoader) -> Dialogue:
    """Return the dialogue of a line. Raises ChatError, which starts with the field."""
    fields = as_object(read_json(text.strip()))
    if fields.get("format") != FORMAT:
        raise ChatError(f'format: must be "{FORMAT}"')
    character = _character(fields, loader)
    try:
        # Card fields are taken as the service takes them; all others have to be of their type exactly.
        strict = Dialogue.model_validate_json(
            json.dumps({**fields, "character": _PLACEHOLDER}, ensure_ascii=False), strict=True
        )
    except ValidationError as error:
        raise ChatError(problem_of(error)) from None
    _check(strict)
    return strict.model_copy(update={"character": character})


def write_dialogues(path: Path, dialogues: Iterable[Dialogue]) -> int:
    """Write a file that its owner alone may read, whole or not at all; return how many dialogues it holds."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    count = 0
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
            for dialogue in dialogues:
                file.write(write_line(dialogue).encode() + b"\n")
                count += 1
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return count


def write_line(dialogue: Dialogue) -> str:
    """Return the line of a dialogue, without the fields that have their defaults."""
    said = dialogue.model_dump(mode="json", exclude_defaults=True)
    return json.dumps({"format": FORMAT, **said}, ensure_ascii=False, allow_nan=False)


def numbered_lines(path: Path, bad: BadLines) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank with their numbers; too long or no UTF-8 ones are bad."""
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(_bounded(file), start=1):
                if raw is None:
                    bad.add(str(path), number, f"is longer than {LINE_BYTES >> 20} MiB: split the dialogue")
                    continue
                text = _decoded(raw, first=number == 1)
                if text is None:
                    bad.add(str(path), number, "is not UTF-8 text: save the file as UTF-8")
                elif text.strip():
                    yield number, text
    except OSError as error:
        raise EvalError(f"{path}: {error.strerror}") from None


def problem_of(error: ValidationError) -> str:
    """Return the first problem with its field, without the value: it may be what somebody wrote."""
    first = error.errors(include_input=False, include_url=False)[0]
    field = ".".join(map(str, first["loc"]))
    return f"{field}: {first['msg'].removeprefix('Value error, ')}"


def _character(fields: dict[str, Any], loader: CharacterLoader) -> Character:
    """Return the card that a line holds or names; a name is the character's id too where none is given."""
    given = fields.get("character")
    if isinstance(given, str):
        fields.setdefault("character_id", given)
        try:
            return loader(given)
        except EvalError as error:
            raise ChatError(f"character: {error.message}") from None
    try:
        return Character.model_validate(given)
    except ValidationError as error:
        where = problem_of(error)
        raise ChatError(f"character{where if where.startswith(':') else '.' + where}") from None


def _check(dialogue: Dialogue) -> None:
    if not dialogue.messages:
        raise ChatError("messages: must hold at least one")
    if len({turn.id for turn in dialogue.messages}) < len(dialogue.messages):
        raise ChatError("messages: two of them have the same id")


def _bounded(file: BinaryIO) -> Iterator[bytes | None]:
    """Yield lines without holding more than the limit of one that is longer: that one is None."""
    while line := file.readline(LINE_BYTES + 1):
        if len(line) <= LINE_BYTES:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LINE_BYTES)
        yield None


def _decoded(raw: bytes, *, first: bool) -> str | None:
    try:
        return raw.decode("utf-8-sig" if first else "utf-8")
    except UnicodeDecodeError:
        return None
