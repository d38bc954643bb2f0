"""A run's verdict rows or raw answers as JSONL, CSV or Parquet, streamed: never all in memory."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from repartee_eval.errors import EvalError
from repartee_eval.runs.store_reader import StoreReader
from repartee_eval.verdict_rows import VerdictRow

SUFFIXES: Final = (".jsonl", ".csv", ".parquet")
_ROWS_AT_ONCE: Final = 5_000
_TYPES: Final = {
    "p_b": pa.float64(),
    "len_a": pa.int64(),
    "len_b": pa.int64(),
    "replicate": pa.int64(),
    "latency": pa.float64(),
    "cost": pa.float64(),
    "prompt_tokens": pa.int64(),
    "completion_tokens": pa.int64(),
    "attempts": pa.int64(),
    "at": pa.float64(),
}
"""Columns that are not text."""
VERDICT_COLUMNS: Final = tuple(field.name for field in fields(VerdictRow))
ANSWER_COLUMNS: Final = (
    "key",
    "raw",
    "latency",
    "cost",
    "prompt_tokens",
    "completion_tokens",
    "model",
    "endpoint",
    "attempts",
    "at",
)


def verdict_records(store: StoreReader, judge: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield the verdict rows as flat records."""
    return (asdict(row) for row in store.rows(judge))


def answer_records(store: StoreReader) -> Iterator[dict[str, Any]]:
    """Yield the raw answers as flat records."""
    for stored in store.answers():
        rest = {"endpoint": stored.endpoint, "attempts": stored.attempts, "at": stored.at}
        yield {"key": stored.key, **asdict(stored.answer), **rest}


def export(records: Iterable[Mapping[str, Any]], columns: tuple[str, ...], path: Path) -> int:
    """Write the records to a file whose suffix says the format, and return how many there were.

    The file is there whole or not at all. Raises EvalError for another suffix or a disk that refuses.
    """
    write = {".jsonl": _write_jsonl, ".csv": _write_csv, ".parquet": _write_parquet}.get(path.suffix)
    if write is None:
        raise EvalError(f"{path}: the name must end in one of {', '.join(SUFFIXES)}")
    try:
        with _whole(path) as new:
            return write(iter(records), columns, new)
    except OSError as error:
        raise EvalError(f"{path}: {error.strerror or error}") from None


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    new = path.with_name(f"{path.name}.new")
    try:
        yield new
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _write_jsonl(records: Iterator[Mapping[str, Any]], _columns: tuple[str, ...], path: Path) -> int:
    count = 0
    with path.open("wb") as file:
        for record in records:
            file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
            count += 1
    return count


def _write_csv(records: Iterator[Mapping[str, Any]], columns: tuple[str, ...], path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for record in records:
            writer.writerow(record)
            count += 1
    return count


def _write_parquet(records: Iterator[Mapping[str, Any]], columns: tuple[str, ...], path: Path) -> int:
    count = 0
    schema = pa.schema([(name, _TYPES.get(name, pa.string())) for name in columns])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while some := [dict(record) for record in islice(records, _ROWS_AT_ONCE)]:
            writer.write_table(pa.Table.from_pylist(some, schema))
            count += len(some)
    return count
