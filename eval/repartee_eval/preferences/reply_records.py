"""Scores and flags of single replies, from the files that `repartee-eval score` and `moderate` write."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repartee.domain.chat_files.limits import ChatError
from repartee.domain.chat_files.strict_json import as_object, read_json
from repartee_eval.dialogues.fingerprints import normalised
from repartee_eval.errors import EvalError


@dataclass(frozen=True, slots=True)
class ReplyRecords:
    """What is known of replies: overall score by key, raised tags by key. A key is an id or a whole text."""

    scores: Mapping[str, float] = field(default_factory=dict)
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def score_of(self, ids: Iterable[str], text: str) -> float | None:
        """Return the lowest score of the reply, None where it has none."""
        found = [self.scores[key] for key in (*ids, _key(text)) if key in self.scores]
        return min(found, default=None)

    def flags_of(self, ids: Iterable[str], text: str) -> tuple[str, ...]:
        """Return the tags that were raised."""
        return tuple(sorted({flag for key in (*ids, _key(text)) for flag in self.flags.get(key, ())}))


def load_records(scores: Iterable[Path] = (), flags: Iterable[Path] = ()) -> ReplyRecords:
    """Read scores.jsonl and flags.jsonl files. Raises EvalError naming file, line and field."""
    known: dict[str, float] = {}
    for where, line in json_lines(scores):
        overall = line.get("overall")
        if overall is None:
            continue  # the judge gave no answer
        if not isinstance(overall, int | float) or isinstance(overall, bool) or not 0 <= overall <= 1:
            raise EvalError(f"{where}: overall: must be a number from 0 to 1")
        for key in _keys(line, "output"):
            known[key] = min(float(overall), known.get(key, 1.0))
    raised: dict[str, tuple[str, ...]] = {}
    for where, line in json_lines(flags):
        for key in _keys(line, "text"):
            raised[key] = (*raised.get(key, ()), *raised_tags(line, where))
    return ReplyRecords(known, raised)


def raised_tags(line: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Return the tags of a line that are not `none`. Raises EvalError."""
    return tuple(tag for tag, level in tag_levels(line, where).items() if level != "none")


def tag_levels(line: Mapping[str, Any], where: str) -> dict[str, str]:
    """Return the level of each tag: none, mild or severe. Raises EvalError."""
    tags = line.get("tags")
    if not isinstance(tags, dict):
        raise EvalError(f"{where}: tags: must say none, mild or severe for each tag")
    levels = {str(tag): one.get("level") if isinstance(one, dict) else one for tag, one in tags.items()}
    if wrong := next((tag for tag, level in levels.items() if level not in {"none", "mild", "severe"}), None):
        raise EvalError(f"{where}: tags.{wrong}: must be none, mild or severe")
    return {tag: str(level) for tag, level in levels.items()}


def json_lines(paths: Iterable[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the objects of JSON Lines files, each with its file and line. Raises EvalError.

    Read strictly: a key given twice, NaN, 1e999 and half of a character are errors, and the line is named.
    """
    for path in paths:
        try:
            lines = path.read_text("utf-8-sig").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise EvalError(f"{path}: cannot be read: {type(error).__name__}") from None
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield f"{path} line {number}", _object(line, f"{path} line {number}")


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        return as_object(read_json(line.strip()))
    except ChatError as error:
        raise EvalError(f"{where}: {error.message}") from None


def _keys(line: Mapping[str, Any], text: str) -> Iterator[str]:
    for name in ("id", "message"):
        if isinstance(line.get(name), str):
            yield line[name]
    if isinstance(line.get(text), str):
        yield _key(line[text])


def _key(text: str) -> str:
    return f"text:{normalised(text)}"
