"""Reading verdicts and labels from CSV files that others wrote (docs/verdicts.md)."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, get_args

from repartee_eval.errors import EvalError
from repartee_eval.verdict_rows import Failure, LabelRow, Verdict, VerdictRow

Row = TypeVar("Row")

VERDICTS: Final = get_args(Verdict)
FAILURES: Final = get_args(Failure)
_LARGEST_FIELD: Final = 2**30


class VerdictFileError(EvalError):
    """A CSV file is not as it has to be; the message names file, line and column."""

    code = "verdict_file"


@dataclass(frozen=True, slots=True)
class ReadRows(Generic[Row]):
    """The rows, what was ignored in words, and whether verdicts are known by their probabilities only."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    probabilities_only: bool = False


def read_verdicts(path: Path) -> ReadRows[VerdictRow]:
    """Read verdict rows.

    Needed are item, model_a, model_b and verdict or p_b. Of a row with p_b only the verdict is b above 1/2,
    a below and tie at 1/2. Raises VerdictFileError at the first bad value.
    """
    table = _Table(path, ("item", "model_a", "model_b"), _VERDICT_CELLS)
    if not {"verdict", "p_b"} & set(table.present):
        raise VerdictFileError(f"{path}: line 1: no column verdict and no p_b: one of them is needed")
    rows = tuple(_verdict_row(table, line, cells) for line, cells in table)
    derived = bool(rows) and "verdict" not in table.present
    missing = [name for name in _VERDICT_CELLS if name not in table.present and name not in _RARE]
    notes = (f"no column {', '.join(missing)} in {path.name}",) if missing else ()
    return ReadRows(rows, (*table.notes, *notes), derived or table.derived == len(rows) > 0)


def read_labels(path: Path) -> ReadRows[LabelRow]:
    """Read label rows. Needed are item and label. Raises VerdictFileError at the first bad value."""
    table = _Table(path, ("item", "label"), _LABEL_CELLS)
    rows = tuple(LabelRow(**cells) for _, cells in table)
    return ReadRows(rows, table.notes)


def _verdict_row(table: "_Table", line: int, cells: dict[str, Any]) -> VerdictRow:
    verdict, p_b = cells["verdict"], cells["p_b"]
    if verdict is None:
        if p_b is None:
            raise table.error(line, "verdict", "is empty and there is no p_b: write a, b, tie or failed")
        table.derived += 1
        cells["verdict"] = "b" if p_b > 0.5 else "a" if p_b < 0.5 else "tie"
    return VerdictRow(**cells)


class _Table:
    """A CSV file with a header, its cells converted. Iterating yields line numbers and cells by name."""

    def __init__(self, path: Path, needed: tuple[str, ...], cells: Mapping[str, "_Cell"]) -> None:
        self._path, self._cells = path, cells
        self._text = _text(path)
        self.derived = 0
        lines = io.StringIO(self._text, newline="")
        self._reader = csv.reader(lines, delimiter=_delimiter(self._text))
        self._header = [name.strip().lower() for name in self._next() or ()]
        self.present = tuple(name for name in self._header if name in cells)
        self._check_header(needed)
        extra = [name for name in self._header if name not in cells]
        self.notes = (f"ignored columns of {path.name}: {', '.join(map(repr, extra))}",) if extra else ()

    def _check_header(self, needed: tuple[str, ...]) -> None:
        for name in needed:
            if name not in self._header:
                found = ", ".join(self._header) or "nothing"
                raise VerdictFileError(f"{self._path}: line 1: no column {name}; the header has: {found}")
        twice = [name for name in self.present if self.present.count(name) > 1]
        if twice:
            raise VerdictFileError(f"{self._path}: line 1: the column {twice[0]} is there twice")

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        defaults = {name: cell.default for name, cell in self._cells.items()}
        places = [(name, self._cells[name], self._header.index(name)) for name in self.present]
        width = len(self._header)
        start = self._reader.line_num + 1
        while (fields := self._next()) is not None:
            line, start = start, self._reader.line_num + 1
            if not any(fields) or not any(field.strip() for field in fields):
                continue
            if len(fields) > width:
                raise self.error(line, None, f"has {len(fields)} fields, the header {width}")
            fields += [""] * (width - len(fields))
            cells = dict(defaults)
            for name, cell, place in places:
                text = fields[place].strip()
                if text or cell.needed:
                    cells[name] = self._value(line, name, cell, text)
            yield line, cells

    def _value(self, line: int, name: str, cell: "_Cell", text: str) -> Any:
        if not text:
            raise self.error(line, name, "is empty")
        try:
            return cell.convert(text)
        except ValueError:
            raise self.error(line, name, f"is {text[:60]!r}: {cell.expected}") from None

    def _next(self) -> list[str] | None:
        try:
            return next(self._reader, None)
        except csv.Error as error:
            raise self.error(self._reader.line_num, None, f"is not CSV: {error}") from error

    def error(self, line: int, column: str | None, problem: str) -> VerdictFileError:
        """Return the error about a place in the file."""
        where = f"line {line}" if column is None else f"line {line}: column {column}"
        return VerdictFileError(f"{self._path}: {where} {problem}")


def _text(path: Path) -> str:
    csv.field_size_limit(_LARGEST_FIELD)  # texts of replies may stand in columns that are ignored
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise VerdictFileError(f"{path}: line {line}: not UTF-8; save the file as UTF-8") from error


def _delimiter(text: str) -> str:
    """Return what the header is separated by: a comma, or a semicolon or tab where it has no comma."""
    header = text.partition("\n")[0]
    return next((mark for mark in (",", ";", "\t") if mark in header), ",")


# --- Cells --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Cell:
    """How the text of a cell becomes a value; `expected` says what it may be."""

    convert: Callable[[str], Any]
    expected: str = ""
    default: Any = ""
    needed: bool = False


def _choice(*values: str) -> Callable[[str], str]:
    known = {value: value for value in values}

    def convert(text: str) -> str:
        found = known.get(text) or known.get(text.lower())
        if found is None:
            raise ValueError(text)
        return found

    return convert


def _number(low: float, high: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return convert


def _count(text: str) -> int:
    value = float(text)
    if not 0 <= value < 2**53 or value != int(value):
        raise ValueError(text)
    return int(value)


def _same(text: str) -> str:
    return text


_TEXT: Final = _Cell(_same)
_NEEDED: Final = _Cell(_same, needed=True)
_COUNT: Final = _Cell(_count, "write a whole number from 0 on", None)
_AMOUNT: Final = _Cell(_number(0, float("1e300")), "write a number from 0 on", None)
_SIDES: Final = "write a, b or tie"

_VERDICT_CELLS: Final[Mapping[str, _Cell]] = {
    "item": _NEEDED,
    "cluster": _TEXT,
    "criterion": _TEXT,
    "model_a": _NEEDED,
    "model_b": _NEEDED,
    "first": _Cell(_choice("a", "b"), "write a or b", None),
    "verdict": _Cell(_choice(*VERDICTS), f"write one of {', '.join(VERDICTS)}", None),
    "p_b": _Cell(_number(0, 1), "write a number from 0 to 1", None),
    "judge": _TEXT,
    "len_a": _COUNT,
    "len_b": _COUNT,
    "character": _TEXT,
    "scenario": _TEXT,
    "depth": _TEXT,
    "replicate": _Cell(_count, "write a whole number from 0 on", 0),
    "failure": _Cell(_choice(*FAILURES), f"write one of {', '.join(FAILURES)}", None),
    "latency": _AMOUNT,
    "cost": _AMOUNT,
}
_RARE: Final = ("character", "scenario", "depth", "replicate", "failure", "latency", "cost")
_LABEL_CELLS: Final[Mapping[str, _Cell]] = {
    "item": _NEEDED,
    "criterion": _TEXT,
    "annotator": _TEXT,
    "label": _Cell(_choice("a", "b", "tie"), _SIDES, needed=True),
    "model_a": _TEXT,
    "model_b": _TEXT,
}
