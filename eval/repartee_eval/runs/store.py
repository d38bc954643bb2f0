"""The store of a run: every answer kept raw, every attempt accounted for, what is parsed always derivable."""

import json
import os
import socket
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Final, Literal

from repartee_eval.errors import EvalError
from repartee_eval.runs.commits import GroupCommit, Statement
from repartee_eval.runs.job import Answer, CallFailed, Job
from repartee_eval.runs.schema import DATABASE, connect, unusable
from repartee_eval.runs.store_reader import StoreReader
from repartee_eval.verdict_rows import Failure, VerdictRow

UNBILLED: Final[frozenset[Failure]] = frozenset(
    {"unreachable", "rate_limited", "unavailable", "misconfigured", "out_of_credits", "refused"}
)
"""Failures for which nobody charges: the model did not run. Any other may have been charged in full."""

_BEGUN: Final = "INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)"
_ENDED: Final = "UPDATE attempts SET outcome = ?, cost = ? WHERE id = ?"
_ANSWERED: Final = "INSERT INTO answers VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_FAILED: Final = "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?, ?)"


class Store(StoreReader):
    """The one writer of a run's store; whoever opens it holds the run's lock.

    A coroutine that records something returns once it is committed. Raises EvalError where the disk refuses.
    """

    def __init__(self, folder: Path, versions: Mapping[str, str] | None = None) -> None:
        path = folder / DATABASE
        self._write = connect(path)
        super().__init__(folder)
        self._require_sound()
        self._session = self._begin_session(versions or {})
        self._last_answer = self._last("answers", "seq")
        self._next_attempt = self._last("attempts", "id") + 1
        self._commits = GroupCommit(self._write, path)

    def close(self) -> None:
        """Commit what is waiting, say that the session ended well, and close the file."""
        self._commits.close()
        try:
            self._write.execute("UPDATE sessions SET ended = ? WHERE id = ?", (time.time(), self._session))
        except sqlite3.Error as error:
            raise unusable(self.path, error) from None
        finally:
            super().close()
            self._write.close()

    # --- calls ----------------------------------------------------------------------------------------

    async def begin(self, job: Job) -> int:
        """Record that an attempt is about to be sent, and return its number."""
        attempt = self._next_attempt
        self._next_attempt += 1
        values = (attempt, job.key, job.endpoint, job.worst_cost, self._session, time.time())
        await self._commits.commit((_BEGUN, values))
        return attempt

    async def keep_answer(self, attempt: int, job: Job, answer: Answer, attempts: int) -> None:
        """Commit an answer as it came; an answer that the key already has is never changed."""
        cost = job.worst_cost if answer.cost is None else answer.cost
        kept = (answer.raw, answer.latency, answer.cost, answer.prompt_tokens, answer.completion_tokens)
        await self._commits.commit(
            (_ANSWERED, (job.key, *kept, answer.model, job.endpoint, attempts, time.time())),
            ("DELETE FROM failures WHERE key = ?", (job.key,)),
            (_ENDED, ("answered", cost, attempt)),
        )

    async def end_attempt(self, attempt: int, job: Job, reason: Failure) -> None:
        """Record that an attempt failed and will be tried again, or has been sent no further."""
        await self._commits.commit(self._ended(attempt, job, reason))

    async def keep_failure(
        self, job: Job, failure: CallFailed, attempts: int, attempt: int | None = None
    ) -> None:
        """Record that the call failed for good in this session; `attempt` where one was sent just now."""
        values = (
            job.key,
            failure.reason,
            str(failure),
            job.endpoint,
            attempts,
            self._session,
            time.time(),
        )
        ended = [] if attempt is None else [self._ended(attempt, job, failure.reason)]
        await self._commits.commit((_FAILED, values), *ended)

    def outcome(self, key: str) -> Literal["before", "now"] | None:
        """Return whether the call was answered before this session, or has had an outcome in it.

        None: it is to be made, for the first time or again after it failed in an earlier session.
        """
        row = self._one("SELECT seq FROM answers WHERE key = ?", key)
        if row:
            return "before" if row[0] <= self._last_answer else "now"
        failed = self._one("SELECT 1 FROM failures WHERE key = ? AND session = ?", key, self._session)
        return "now" if failed else None

    def _ended(self, attempt: int, job: Job, reason: Failure) -> Statement:
        return (_ENDED, (reason, 0.0 if reason in UNBILLED else job.worst_cost, attempt))

    # --- what is judged, and what is derived ----------------------------------------------------------

    async def put_cases(self, cases: Iterable[tuple[str, str]]) -> None:
        """Add cases as id and JSON. Raises EvalError where an id is already there with other JSON."""
        remaining = iter(cases)
        while some := list(islice(remaining, 500)):
            for case_id, text in some:
                if (known := self.case(case_id)) is not None and known != text:
                    raise EvalError(f"case {case_id} is already in {self.path} with other content")
            await self._commits.commit(
                *(("INSERT INTO cases VALUES (?, ?) ON CONFLICT DO NOTHING", pair) for pair in some)
            )

    async def replace_rows(self, judge: str, rows: Iterable[VerdictRow]) -> None:
        """Put these verdict rows in the place of the judge's: derived from answers, at any time, for free.

        One transaction, drawn from `rows` one by one.
        """
        lines = ((judge, json.dumps(asdict(row), ensure_ascii=False)) for row in rows)
        try:
            with self._write:
                self._write.execute("BEGIN IMMEDIATE")
                self._write.execute("DELETE FROM rows WHERE judge = ?", (judge,))
                self._write.executemany("INSERT INTO rows VALUES (NULL, ?, ?)", lines)
        except sqlite3.Error as error:
            raise unusable(self.path, error) from None

    # --- sessions -------------------------------------------------------------------------------------

    def _require_sound(self) -> None:
        """Check the whole file where the last process did not close it."""
        died = self._one("SELECT 1 FROM sessions WHERE ended IS NULL LIMIT 1")
        if died is None:
            return
        verdict = self._one("PRAGMA quick_check(1)")
        if verdict != ("ok",):
            raise unusable(self.path, sqlite3.DatabaseError("malformed"))

    def _begin_session(self, versions: Mapping[str, str]) -> int:
        values = (os.getpid(), socket.gethostname(), time.time(), json.dumps(dict(versions)))
        try:
            began = self._write.execute("INSERT INTO sessions VALUES (NULL, ?, ?, ?, NULL, ?)", values)
        except sqlite3.Error as error:
            raise unusable(self.path, error) from None
        return int(began.lastrowid or 0)

    def _last(self, table: str, column: str) -> int:
        row = self._one(f"SELECT coalesce(max({column}), 0) FROM {table}")  # noqa: S608 constants
        return int(row[0]) if row else 0
