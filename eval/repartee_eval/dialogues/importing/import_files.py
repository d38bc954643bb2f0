"""Files of any known kind become dialogues: what `repartee-eval import` does."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

from repartee.domain.chat_files.limits import ChatError
from repartee.domain.chat_files.sillytavern import is_header
from repartee.domain.chat_files.strict_json import read_json
from repartee_eval.dialogues.bad_lines import BadLines
from repartee_eval.dialogues.deduplication import deduplicated
from repartee_eval.dialogues.dialogue import FORMAT, Dialogue
from repartee_eval.dialogues.importing.casting import Casting
from repartee_eval.dialogues.importing.chat_rows import read_rows, read_sillytavern_file
from repartee_eval.dialogues.importing.event_log import read_event_log
from repartee_eval.dialogues.jsonl import iter_dialogues, numbered_lines
from repartee_eval.errors import EvalError

Kind = Literal["events", "openai", "sharegpt", "sillytavern", "dialogues"]
KINDS: Final[tuple[Kind, ...]] = ("events", "openai", "sharegpt", "sillytavern", "dialogues")
_LOOKED_AT: Final = 50
_SUFFIXES: Final = frozenset({".jsonl", ".json", ".ndjson"})


@dataclass(frozen=True, slots=True)
class Imported:
    """The dialogues of files, and what became of the rest."""

    dialogues: tuple[Dialogue, ...]
    files: tuple[tuple[Path, Kind], ...]
    bad: BadLines
    duplicates: int
    repeated_events: int = 0
    not_replies: int = 0


def import_files(
    paths: Sequence[Path],
    casting: Casting,
    *,
    kind: Kind | None = None,
    skip_bad: bool = False,
    near: float | None = None,
) -> Imported:
    """Return the dialogues of files and folders, without duplicates. Raises EvalError.

    `kind` None: each file shows by its content what it is. `near`: similarity from which dialogues are
    duplicates too (see `deduplicated`).
    """
    bad = BadLines(skip=skip_bad)
    files = tuple((path, kind or told_kind(path)) for path in files_of(paths))
    log = read_event_log([path for path, what in files if what == "events"], casting, bad)
    found = [dialogue for path, what in files for dialogue in _read(path, what, casting, bad)]
    found += log.dialogues(casting)
    bad.settle()
    if not found:
        raise EvalError("no dialogues in the files: give --from where their kind was told wrongly")
    unique = deduplicated(found, near=near)
    return Imported(
        tuple(_with_own_ids(unique.dialogues)),
        files,
        bad,
        len(unique.dropped),
        log.duplicates,
        log.not_replies,
    )


def files_of(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the files, those of folders sorted and with folders inside. Raises EvalError."""
    found: dict[Path, None] = {}
    for path in paths:
        inside = sorted(each for each in path.rglob("*") if each.suffix in _SUFFIXES and each.is_file())
        if path.is_dir() and not inside:
            raise EvalError(f"{path}: no .jsonl or .json file in the folder")
        found |= dict.fromkeys(inside if path.is_dir() else [path])
    return tuple(found)


def told_kind(path: Path) -> Kind:
    """Return what the first lines show a file to be. Raises EvalError."""
    for _, text in islice(numbered_lines(path, BadLines()), _LOOKED_AT):
        told = _kind_of(_value(text))
        if told is not None:
            return told
    told = _kind_of(_value(_text(path)))
    if told is None:
        raise EvalError(f"{path}: is of no known kind: give --from {'|'.join(KINDS)}")
    return told


def _kind_of(value: Any) -> Kind | None:
    if isinstance(value, list):
        return _kind_of(value[0]) if value else None
    if not isinstance(value, dict):
        return None
    if value.get("format") == FORMAT:
        return "dialogues"
    if value.get("type") in {"reply", "feedback"}:
        return "events"
    if "conversations" in value:
        return "sharegpt"
    if "messages" in value or {"role", "content"} <= value.keys():
        return "openai"
    return "sillytavern" if "mes" in value or is_header(value) else None


def _read(path: Path, kind: Kind, casting: Casting, bad: BadLines) -> Iterator[Dialogue]:
    if kind == "dialogues":
        yield from iter_dialogues(path, casting.characters.get, bad)
    elif kind == "sillytavern":
        yield from read_sillytavern_file(path, casting, bad)
    elif kind != "events":
        yield from read_rows(path, kind, casting, bad)


def _with_own_ids(dialogues: Iterable[Dialogue]) -> Iterator[Dialogue]:
    """Give dialogues whose id another one has a number behind it."""
    counts: dict[str, int] = {}
    for dialogue in dialogues:
        counts[dialogue.id] = count = counts.get(dialogue.id, 0) + 1
        yield dialogue if count == 1 else dialogue.model_copy(update={"id": f"{dialogue.id}~{count}"})


def _value(text: str) -> Any:
    try:
        return read_json(text.strip())
    except ChatError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise EvalError(f"{path}: is no UTF-8 text") from None
