"""Sheets for people to label: blinded, sides shuffled, the cases first on which judges disagree.

A sheet never says which model wrote what. Which side stands first follows from the run's seed and the item,
so that an answered sheet is read back with the run alone.
"""

import csv
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from repartee.domain.dialogue import Message
from repartee.domain.text import without_controls
from repartee_eval.cases import Case, Side
from repartee_eval.errors import EvalError
from repartee_eval.verdict_files import read_labels
from repartee_eval.verdict_rows import LabelRow, VerdictRow

_FIXED: Final = ("item", "annotator", "character", "scene", "before", "reply_1", "reply_2")
_NOTE: Final = "note"
_SHOWN_BEFORE: Final = 10
"""Messages of a shared history that a person gets to read."""
_FORMULA: Final = ("=", "+", "-", "@", "\t")


def label_sheet(
    cases: Mapping[str, Case], rows: Iterable[VerdictRow], criteria: Sequence[str], seed: int, most: int
) -> str:
    """Return the sheet as CSV: one line per case, one empty column per criterion, at most `most` cases.

    The cases on which verdicts differ most come first: between orders, judges and repeats.
    """
    doubt = _disagreement(rows)
    ranked = sorted(cases, key=lambda item: (-doubt.get(item, 0.0), _drawn(seed, item)))
    written = io.StringIO(newline="")
    sheet = csv.writer(written)
    sheet.writerow([*_FIXED, *criteria, _NOTE])
    for item in ranked[:most]:
        sheet.writerow([*_cells(cases[item], seed), *[""] * (len(criteria) + 1)])
    return written.getvalue()


def first_side(seed: int, item: str) -> Literal["a", "b"]:
    """Return which side a sheet shows as reply 1: each half the time."""
    return "a" if _drawn(seed, item)[0] in "01234567" else "b"


def read_people(path: Path, criteria: Sequence[str], seed: int) -> tuple[LabelRow, ...]:
    """Return the labels of an answered sheet, or of a CSV file of labels (docs/verdicts.md).

    A sheet's answers are 1, 2 or tie; what is left empty is no label. Raises EvalError with line and column.
    """
    text = _text(path)
    header = _header(text)
    if "reply_1" not in header:
        return read_labels(path).rows
    asked = [name for name in criteria if name in header]
    if "item" not in header or not asked:
        raise EvalError(f"{path}: line 1: a sheet needs the columns item and {' or '.join(criteria)}")
    return tuple(_labels(path, text, asked, seed))


def _labels(path: Path, text: str, criteria: Sequence[str], seed: int) -> Iterator[LabelRow]:
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    end = 1  # the header
    for cells in reader:
        line, end = end + 1, reader.line_num
        item = (cells.get("item") or "").strip()
        annotator = (cells.get("annotator") or "").strip() or path.stem
        for criterion in criteria:
            answer = (cells.get(criterion) or "").strip().casefold()
            if not answer:
                continue
            if answer not in {"1", "2", "tie"}:
                where = f"{path}: line {line}: column {criterion}"
                raise EvalError(f"{where} is {answer[:20]!r}: write 1, 2 or tie, or leave it empty")
            yield LabelRow(item, criterion, annotator, _side(answer, first_side(seed, item)))


def _side(answer: str, first: Literal["a", "b"]) -> Literal["a", "b", "tie"]:
    if answer == "tie":
        return "tie"
    return first if answer == "1" else "b" if first == "a" else "a"


def _disagreement(rows: Iterable[VerdictRow]) -> dict[str, float]:
    """Return per item how far its verdicts differ: 1 less the share of the most frequent, worst criterion."""
    votes: defaultdict[str, defaultdict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for row in rows:
        if row.verdict in {"a", "b", "tie"}:
            votes[row.item][row.criterion][row.verdict] += 1
    return {
        item: max(1 - max(counts.values()) / counts.total() for counts in by_criterion.values())
        for item, by_criterion in votes.items()
    }


def _cells(case: Case, seed: int) -> list[str]:
    sides = (case.a, case.b) if first_side(seed, case.id) == "a" else (case.b, case.a)
    scene = case.scenario
    told = (scene.setting, scene.relationship, scene.goal) if scene else (case.character.scenario,)
    before = _transcript(case, case.shared[-_SHOWN_BEFORE:])
    texts = (case.character.display_name, " ".join(filter(None, told)), before)
    return [case.id, "", *map(_cell, (*texts, *(_shown(case, side) for side in sides)))]


def _shown(case: Case, side: Side) -> str:
    """Return a reply, or a window in which `>` marks what is judged."""
    if case.kind == "reply":
        return side.messages[-1].text
    shown = _transcript(case, side.messages[: side.focus])
    judged = _transcript(case, side.messages[side.focus :], "> ")
    return f"{shown}\n{judged}" if shown else judged


def _transcript(case: Case, messages: Sequence[Message], mark: str = "") -> str:
    names = {"user": case.user.name, "character": case.character.display_name}
    return "\n".join(f"{mark}{names[message.role]}: {message.text}" for message in messages)


def _cell(text: str) -> str:
    """Return the text as a spreadsheet shows it: one that begins like a formula gets a quote before it."""
    clean = without_controls(text)
    return f"'{clean}" if clean.startswith(_FORMULA) else clean


def _drawn(seed: int, item: str) -> str:
    return hashlib.sha256(f"label sheet\x1f{seed}\x1f{item}".encode()).hexdigest()


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise EvalError(f"{path}: not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise EvalError(f"{path}: {error.strerror}") from None


def _header(text: str) -> list[str]:
    first = next(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)), [])
    return [name.strip() for name in first]


def _delimiter(text: str) -> str:
    header = text.partition("\n")[0]
    return next((mark for mark in (",", ";", "\t") if mark in header), ",")
