"""What a SOURCE of `repartee-tune data` is, told by its content."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from repartee.domain.chat_files.limits import ChatError
from repartee.domain.chat_files.strict_json import read_json
from repartee_eval.dialogues.importing.import_files import files_of, told_kind
from repartee_eval.errors import EvalError
from repartee_eval.runs.folder import read_run
from repartee_tune.data.csv_tables import read_table
from repartee_tune.errors import TuneError
from repartee_tune.stage import file_hashes

SourceKind = Literal["run", "preferences", "log", "votes", "review", "rows", "tasks", "flags", "retrieval"]
VOTE_COLUMNS: Final = ("item", "reply_a", "reply_b", "vote")
REVIEW_COLUMNS: Final = ("item", "verdict")
_TABLES: Final = frozenset({".jsonl", ".ndjson"})
_PACKED: Final = frozenset({".gz", ".bz2", ".xz", ".zst", ".zip"})


@dataclass(frozen=True, slots=True)
class Source:
    """A file or folder with what it is. A `log` holds dialogues or the service's events."""

    kind: SourceKind
    path: Path


def told_sources(paths: Iterable[Path]) -> tuple[Source, ...]:
    """Return the sources, each once. Raises TuneError for what is of no known kind."""
    found = {path.resolve(): Source(_told(path), path) for path in paths}
    return tuple(found.values())


def of_kind(sources: Sequence[Source], *kinds: SourceKind) -> list[Path]:
    """Return the paths of some kinds."""
    return [source.path for source in sources if source.kind in kinds]


def source_hashes(sources: Sequence[Source]) -> dict[str, Mapping[str, str]]:
    """Return the SHA-256 of each source's files; of a run that of its rows, as its store may be rewritten."""
    return {
        f"{number:02} {source.path.name}": _said_by_run(source.path)
        if source.kind == "run"
        else file_hashes(source.path)
        for number, source in enumerate(sources, start=1)
    }


def _said_by_run(folder: Path) -> dict[str, str]:
    digest = hashlib.sha256()
    with read_run(folder) as (_, store):
        for case_id, text in store.cases():
            digest.update(f"{case_id}\0{text}\0".encode())
        for row in store.rows():
            digest.update(repr(row).encode())
    derived = folder / "derived.json"
    return {"rows": digest.hexdigest(), **(file_hashes(derived) if derived.is_file() else {})}


def _told(path: Path) -> SourceKind:
    if not path.exists():
        raise TuneError(f"{path} does not exist")
    if packed := next((each for each in _inside(path) if each.suffix.lower() in _PACKED), None):
        raise TuneError(f"{packed}: is compressed and would not be read: unpack it first")
    if path.is_dir():
        return _told_folder(path)
    if path.suffix.lower() in {".csv", ".tsv"}:
        return _told_csv(path)
    if path.suffix in _TABLES and (kind := _told_lines(path)):
        return kind
    return _told_log(path)


def _told_folder(path: Path) -> SourceKind:
    for name, kind in (("preferences.json", "preferences"), ("run.json", "run")):
        if (path / name).is_file():
            return "preferences" if kind == "preferences" else "run"
    labelled = sorted(path.glob("*.json"))
    if labelled and {"facts", "messages"} <= _first_object(labelled[0].read_text("utf-8-sig")).keys():
        return "retrieval"
    return _told_log(path)


def _told_csv(path: Path) -> SourceKind:
    columns = set(read_table(path).columns)
    if columns.issuperset(VOTE_COLUMNS):
        return "votes"
    if columns.issuperset(REVIEW_COLUMNS):
        return "review"
    raise TuneError(
        f"{path}: is neither votes (columns {', '.join(VOTE_COLUMNS)}) nor a review "
        f"(columns {', '.join(REVIEW_COLUMNS)})"
    )


def _told_lines(path: Path) -> SourceKind | None:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = _first_object(next((line for line in file if line.strip()), ""))
    if "tags" in first and "text" in first:
        return "flags"
    if {"prompt", "chosen", "rejected"} <= first.keys() or {"prompt", "completion"} <= first.keys():
        return "rows"
    return "tasks" if {"input", "output"} <= first.keys() and "scores" not in first else None


def _told_log(path: Path) -> SourceKind:
    try:
        kinds = {told_kind(each) for each in files_of([path])}
    except EvalError:
        kinds = set()
    if kinds and kinds <= {"events", "dialogues"}:
        return "log"
    raise TuneError(
        f"{path}: is no eval run, preferences folder, event log, dialogues, votes or review CSV, "
        "training rows, flags.jsonl or labelled facts (docs/preferences.md); import other chats first"
    )


def _inside(path: Path) -> Iterable[Path]:
    return sorted(path.rglob("*")) if path.is_dir() else (path,)


def _first_object(text: str) -> Mapping[str, Any]:
    try:
        content = read_json(text.strip())
    except ChatError:
        return {}
    return content if isinstance(content, dict) else {}
