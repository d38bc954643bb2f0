"""The tables of a run's SQLite file, and how a connection to it is opened.

Write-ahead log, `synchronous=NORMAL`: a committed transaction is in the log file, so it survives the death of
the process at any moment. It is on the disk from the next checkpoint on (every two thousand changes and
at the end): a power cut can take the last commits back, never damage those before them.
"""

import sqlite3
from pathlib import Path
from typing import Final

from repartee_eval.errors import EvalError

DATABASE: Final = "run.sqlite"
_VERSION: Final = 1
_TABLES: Final = """
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, host TEXT NOT NULL, started REAL NOT NULL, ended REAL,
    versions TEXT NOT NULL
);
CREATE TABLE cases (id TEXT PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE answers (
    seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, raw TEXT NOT NULL, latency REAL NOT NULL, cost REAL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, model TEXT NOT NULL,
    endpoint TEXT NOT NULL, attempts INTEGER NOT NULL, at REAL NOT NULL
);
CREATE TABLE failures (
    key TEXT PRIMARY KEY, reason TEXT NOT NULL, message TEXT NOT NULL, endpoint TEXT NOT NULL,
    attempts INTEGER NOT NULL, session INTEGER NOT NULL, at REAL NOT NULL
);
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, endpoint TEXT NOT NULL, worst_cost REAL,
    session INTEGER NOT NULL, at REAL NOT NULL, outcome TEXT, cost REAL
);
CREATE TABLE rows (seq INTEGER PRIMARY KEY, judge TEXT NOT NULL, json TEXT NOT NULL);
CREATE INDEX rows_of_judge ON rows (judge);
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file for writing, making it where it is missing. Raises EvalError."""
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        _require_tables(connection, path)
    except (sqlite3.Error, OSError) as error:
        raise unusable(path, error) from None
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open the file for reading only, even in a folder that cannot be written to. Raises EvalError."""
    if not path.is_file():
        raise EvalError(f"{path.parent} holds no run: {path.name} is missing")
    uri = path.resolve().as_uri()
    try:
        return _reading(f"{uri}?mode=ro", path)
    except sqlite3.Error as error:
        if path.with_name(path.name + "-wal").exists():
            raise unusable(path, error) from None
    try:  # nothing is in the log, and nobody can write here
        return _reading(f"{uri}?mode=ro&immutable=1", path)
    except sqlite3.Error as error:
        raise unusable(path, error) from None


def unusable(path: Path, error: Exception) -> EvalError:
    """Return what a failure of SQLite or of the disk means for whoever runs it."""
    reason = str(error)
    if "full" in reason or "disk I/O" in reason:
        fix = "make room on the disk, then repeat the command: what was committed is kept"
    elif "readonly" in reason or "unable to open" in reason:
        fix = "the folder must be writable"
    elif "malformed" in reason or "not a database" in reason:
        fix = "the file is damaged: restore it from a copy, or start a new run in another folder"
    else:
        fix = "repeat the command: what was committed is kept"
    return EvalError(f"{path}: {reason}; {fix}")


def _reading(uri: str, path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10, check_same_thread=False)
    try:
        _require_version(connection, path)
    except (sqlite3.Error, EvalError):
        connection.close()
        raise
    return connection


def _require_tables(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        _require_version(connection, path)
        return
    connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version={_VERSION}; COMMIT;")


def _require_version(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != _VERSION:
        raise EvalError(f"{path} has format {version}, this version reads format {_VERSION}")
