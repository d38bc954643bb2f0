"""Group commit: what many calls record within one turn of the event loop is one transaction.

A commit does not wait for the disk (see `schema`), so it is made in the loop itself: a writer thread would
wait for the interpreter's lock at every statement, some milliseconds each while the loop is busy. What does
wait for the disk, moving the log into the file, is done by a thread of its own.
"""

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Final

from repartee_eval.runs.schema import unusable

Statement = tuple[str, tuple[object, ...]]
_CHANGES_BETWEEN_CHECKPOINTS: Final = 2_000
_LONGEST_LOG: Final = 32 * 1024 * 1024


class GroupCommit:
    """Commits changes in the order in which they come; each waits until its transaction is committed.

    After a failure nothing is written any more: every later change fails with the same error.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._log = path.with_name(path.name + "-wal")
        self._waiting: list[tuple[tuple[Statement, ...], asyncio.Future[None]]] = []
        self._failure: Exception | None = None
        self._since_checkpoint = 0
        self._checkpoints = _Checkpoints(path)

    async def commit(self, *statements: Statement) -> None:
        """Return once the statements are committed, all of them or none. Raises EvalError."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._commit)
        self._waiting.append((statements, done))
        await done

    def close(self) -> None:
        """Write what is waiting."""
        self._commit()
        self._checkpoints.close()

    def _commit(self) -> None:
        changes, self._waiting = self._waiting, []
        if not changes:
            return
        try:
            if self._failure is None:
                self._transact([statement for statements, _ in changes for statement in statements])
        except (sqlite3.Error, OSError) as error:
            self._failure = unusable(self._path, error)
        for _, done in changes:
            _settle(done, self._failure)
        self._since_checkpoint += len(changes)
        if self._since_checkpoint >= _CHANGES_BETWEEN_CHECKPOINTS:
            self._since_checkpoint = 0
            self._checkpoints.ask()
        if self._checkpoints.done:
            self._checkpoints.done = False
            self._shorten_log()

    def _shorten_log(self) -> None:
        """Begin the log anew where it has grown long.

        The thread's checkpoint has moved nearly all of it; while commits go on it never sees the end of it.
        """
        try:
            if self._log.stat().st_size < _LONGEST_LOG:
                return
            self._connection.execute("PRAGMA busy_timeout=0")  # a reader has to be waited for: next time
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._connection.execute("PRAGMA busy_timeout=10000")
        except (sqlite3.Error, OSError) as error:
            self._failure = unusable(self._path, error)

    def _transact(self, statements: list[Statement]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for sql, values in statements:
                self._connection.execute(sql, values)
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


class _Checkpoints:
    """Moves the log into the file when asked, beside the loop. What fails here is tried again at the next."""

    def __init__(self, path: Path) -> None:
        self.done = False
        self._path = path
        self._asked = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="run-checkpoints", daemon=True)
            self._thread.start()
        self._asked.set()

    def close(self) -> None:
        self._closing = True
        self._asked.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None, timeout=10)
        try:
            while self._asked.wait() and not self._closing:
                self._asked.clear()
                try:
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                    self.done = True
                except sqlite3.Error:  # a full disk, say: the next commit meets it and says so
                    continue
        finally:
            connection.close()


def _settle(done: asyncio.Future[None], failure: Exception | None) -> None:
    if done.done():  # whoever waited was cancelled
        return
    if failure is None:
        done.set_result(None)
    else:
        done.set_exception(failure)
