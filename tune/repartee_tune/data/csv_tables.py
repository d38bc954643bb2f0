"""CSV files that people made: votes and reviews, as spreadsheets and labelling tools write them."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from repartee_tune.errors import TuneError

_LARGEST_FIELD: Final = 1 << 24
_DELIMITERS: Final = ",;\t"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a CSV file with what it is called in errors. What is not there is empty."""

    where: str
    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values.get(name) or ""

    def told(self, name: str) -> str:
        """Return a value without the spaces around it: ids, names and verdicts, but not texts."""
        return self[name].strip()

    def required(self, name: str) -> str:
        """Return a text that must not be blank. Raises TuneError."""
        if not self[name].strip():
            raise TuneError(f"{self.where}: {name}: must not be empty")
        return self[name]


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file. `columns` are in small letters, with `_` for spaces; blank lines are left out."""

    path: Path
    columns: tuple[str, ...]
    text: str
    delimiter: str

    def lines(self) -> Iterator[Line]:
        """Yield the lines below the header. Raises TuneError naming the line."""
        csv.field_size_limit(_LARGEST_FIELD)
        reader = csv.reader(io.StringIO(self.text, newline=""), delimiter=self.delimiter, strict=True)
        try:
            next(reader)
            for values in reader:
                if not any(value.strip() for value in values):
                    continue
                where = f"{self.path} line {reader.line_num}"
                if len(values) > len(self.columns):
                    raise TuneError(f"{where}: has more values than there are columns")
                yield Line(where, dict(zip(self.columns, values, strict=False)))
        except csv.Error as error:
            raise TuneError(f"{self.path} line {reader.line_num}: is not CSV: {error}") from None


def read_table(path: Path) -> Table:
    """Read a file in UTF-8 whose values are parted by commas, semicolons or tabs. Raises TuneError."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TuneError(f"{path} cannot be read: {type(error).__name__}; save it as UTF-8") from None
    header = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    try:
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error as error:
        raise TuneError(f"{path}: the header is not CSV: {error}") from None
    columns = tuple("_".join(name.casefold().split()) for name in names)
    if double := next((name for name in columns if name and columns.count(name) > 1), None):
        raise TuneError(f"{path}: the column {double} must be there once")
    return Table(path, columns, text, delimiter)
