"""What can be read of a run, by any number of processes, while it runs and after."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from repartee_eval.runs.job import Answer
from repartee_eval.runs.records import Spending, StoredAnswer, StoredFailure
from repartee_eval.runs.schema import DATABASE, connect_to_read, unusable
from repartee_eval.verdict_rows import VerdictRow

_ANSWER: Final = "raw, latency, cost, prompt_tokens, completion_tokens, model, endpoint, attempts, at"
_SPENDING: Final = """
SELECT count(*), total(coalesce(cost, worst_cost)),
    count(*) FILTER (WHERE outcome IS NULL), total(worst_cost) FILTER (WHERE outcome IS NULL)
FROM attempts
"""


class StoreReader:
    """Reads a run's store; any number of processes may. Raises EvalError where the file cannot be used."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / DATABASE
        self._read = connect_to_read(self.path)

    def close(self) -> None:
        """Close the file."""
        self._read.close()

    # --- calls ----------------------------------------------------------------------------------------

    def answered(self, key: str) -> bool:
        """Return whether there is an answer."""
        return self._one("SELECT 1 FROM answers WHERE key = ?", key) is not None

    def answer(self, key: str) -> StoredAnswer | None:
        """Return the answer, None where there is none."""
        row = self._one(f"SELECT key, {_ANSWER} FROM answers WHERE key = ?", key)  # noqa: S608 a constant
        return None if row is None else _answer_of(row)

    def answers(self) -> Iterator[StoredAnswer]:
        """Yield the answers in the order of their commits."""
        rows = self._rows(f"SELECT key, {_ANSWER} FROM answers ORDER BY seq")  # noqa: S608 a constant
        return (_answer_of(row) for row in rows)

    def failure(self, key: str) -> StoredFailure | None:
        """Return the failure, None where the call was not made or has an answer."""
        row = self._one(
            "SELECT key, reason, message, endpoint, attempts, at FROM failures WHERE key = ?", key
        )
        return None if row is None else StoredFailure(*row)

    def failures(self) -> Iterator[StoredFailure]:
        """Yield the failures in the order of their keys."""
        rows = self._rows("SELECT key, reason, message, endpoint, attempts, at FROM failures ORDER BY key")
        return (StoredFailure(*row) for row in rows)

    def spending(self) -> Spending:
        """Return what the run has cost so far."""
        return Spending(*self._one(_SPENDING) or ())

    # --- what is judged, and what is derived ----------------------------------------------------------

    def case(self, case_id: str) -> str | None:
        """Return the case's JSON, None where there is none."""
        row = self._one("SELECT json FROM cases WHERE id = ?", case_id)
        return None if row is None else str(row[0])

    def cases(self) -> Iterator[tuple[str, str]]:
        """Yield id and JSON of every case, in the order in which they were added."""
        return (row for row in self._rows("SELECT id, json FROM cases ORDER BY rowid"))

    def rows(self, judge: str | None = None) -> Iterator[VerdictRow]:
        """Yield the verdict rows of one judge, or of all, in the order in which they were written."""
        if judge is None:
            found = self._rows("SELECT json FROM rows ORDER BY seq")
        else:
            found = self._rows("SELECT json FROM rows WHERE judge = ? ORDER BY seq", judge)
        return (VerdictRow(**json.loads(row[0])) for row in found)

    # --- SQLite ---------------------------------------------------------------------------------------

    def _one(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self._read.execute(sql, values).fetchone()
        except sqlite3.Error as error:
            raise unusable(self.path, error) from None
        return row

    def _rows(self, sql: str, *values: object) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._read.execute(sql, values)
        except sqlite3.Error as error:
            raise unusable(self.path, error) from None


def _answer_of(row: tuple[Any, ...]) -> StoredAnswer:
    key, raw, latency, cost, prompt_tokens, completion_tokens, model, endpoint, attempts, at = row
    answer = Answer(raw, latency, cost, prompt_tokens, completion_tokens, model)
    return StoredAnswer(key, answer, endpoint, attempts, at)
