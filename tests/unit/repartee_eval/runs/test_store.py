import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from repartee_eval.errors import EvalError
from repartee_eval.runs.job import CallFailed
from repartee_eval.runs.schema import DATABASE
from repartee_eval.runs.store import Store
from repartee_eval.runs.store_reader import StoreReader
from repartee_eval.verdict_rows import VerdictRow
from tests.unit.repartee_eval.runs.jobs import Endpoint, FakeJob, answer, key_of, opened

JOB = FakeJob("a", Endpoint())


async def test_an_answer_is_never_changed_by_a_later_one(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for raw in ("first", "second"):
        await store.keep_answer(await store.begin(JOB), JOB, answer(raw), 1)
    kept = store.answer(JOB.key)
    store.close()
    assert kept
    assert kept.answer.raw == "first"


async def test_an_answer_takes_the_place_of_a_failure(tmp_path: Path) -> None:
    store = opened(tmp_path)
    await store.keep_failure(JOB, CallFailed("timeout", "no answer"), 6, await store.begin(JOB))
    failure = store.failure(JOB.key)
    assert failure
    assert (failure.reason, failure.message, failure.attempts) == ("timeout", "no answer", 6)
    await store.keep_answer(await store.begin(JOB), JOB, answer(), 1)
    assert store.failure(JOB.key) is None
    assert store.spending().money == pytest.approx(0.02), "the attempt without an answer counts at its worst"
    store.close()


async def test_what_was_committed_is_there_for_another_reader_at_once(tmp_path: Path) -> None:
    store = opened(tmp_path)
    reader = StoreReader(tmp_path)
    await store.keep_answer(await store.begin(JOB), JOB, answer(), 1)
    assert reader.answer(JOB.key) == store.answer(JOB.key)
    reader.close()
    store.close()


async def test_the_log_does_not_grow_with_the_run(tmp_path: Path) -> None:
    store = opened(tmp_path)
    longest = 0
    for number in range(4_000):
        job = FakeJob(f"{number}", Endpoint())
        await store.keep_answer(await store.begin(job), job, answer("x" * 15_000), 1)
        longest = max(longest, (tmp_path / f"{DATABASE}-wal").stat().st_size)
    written = (tmp_path / DATABASE).stat().st_size
    store.close()
    assert written > 30 * 2**20
    assert longest < 100 * 2**20


async def test_rows_are_derived_and_can_be_replaced(tmp_path: Path) -> None:
    row = VerdictRow("i", "c", "in_character", "A", "B", "a", "tie", p_b=0.5)
    store = opened(tmp_path)
    await store.replace_rows("j1", [row, row])
    await store.replace_rows("j2", [row])
    await store.replace_rows("j1", [row])
    assert list(store.rows("j1")) == [row]
    assert len(list(store.rows())) == 2
    store.close()


async def test_a_case_keeps_its_content(tmp_path: Path) -> None:
    store = opened(tmp_path)
    await store.put_cases([("c1", "{}"), ("c2", "[]")])
    await store.put_cases([("c1", "{}")])
    assert list(store.cases()) == [("c1", "{}"), ("c2", "[]")]
    with pytest.raises(EvalError, match="case c1"):
        await store.put_cases([("c1", "{1}")])
    store.close()


# --- what a disk can do -------------------------------------------------------------------------------

_WORKER = """
import asyncio, sys
from pathlib import Path
from repartee_eval.runs.store import Store
from tests.unit.repartee_eval.runs.jobs import Endpoint, FakeJob, answer

async def work(store, count):
    for number in range(count):
        job = FakeJob(f"item {number}", Endpoint())
        if store.outcome(job.key) is None:
            await store.keep_answer(await store.begin(job), job, answer("x" * 500), 1)
        print(number, flush=True)

store = Store(Path(sys.argv[1]))
try:
    asyncio.run(work(store, int(sys.argv[2])))
except Exception as error:
    print(f"error: {error}", file=sys.stderr)
    import os; os._exit(1)
if len(sys.argv) > 3:
    import os, signal; os.kill(os.getpid(), signal.SIGKILL)
store.close()
"""


def worker(folder: Path, count: int, *more: str, file_size: int | None = None) -> subprocess.CompletedProcess:
    limit = f"ulimit -f {file_size}; " if file_size else ""
    arguments = [sys.executable, "-c", _WORKER, str(folder), str(count), *more]
    return subprocess.run(
        ["bash", "-c", f'trap "" XFSZ; {limit}exec "$@"', "bash", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[4],
        check=False,
    )


def names(folder: Path) -> list[str]:
    reader = StoreReader(folder)
    try:
        return [stored.key for stored in reader.answers()]
    finally:
        reader.close()


def test_a_full_disk_is_one_clear_line_and_the_run_goes_on_when_there_is_room(tmp_path: Path) -> None:
    done = worker(tmp_path, 3000, file_size=200)  # blocks of 1024 bytes
    said = len(done.stdout.split())
    assert done.returncode == 1
    assert "make room on the disk" in done.stderr
    assert 0 < said < 3000
    assert len(names(tmp_path)) == said, "what was said to be committed is there, nothing else"
    again = worker(tmp_path, said + 20)
    assert again.returncode == 0, again.stderr
    assert names(tmp_path) == [key_of(f"item {number}") for number in range(said + 20)]


def test_a_torn_log_gives_back_all_that_was_committed_before_the_tear(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    assert worker(run, 12, "die").returncode == -9
    log = (run / f"{DATABASE}-wal").read_bytes()
    database = (run / DATABASE).read_bytes()
    whole = names(run)
    assert len(whole) == 12
    shortest = 12
    for cut in range(len(log) - 1, 0, -3989):
        torn = tmp_path / f"torn{cut}"
        torn.mkdir()
        (torn / DATABASE).write_bytes(database)
        (torn / f"{DATABASE}-wal").write_bytes(log[:cut])
        try:
            store = Store(torn)
        except EvalError as error:
            raise AssertionError(f"cut at {cut}: {error}") from None
        kept = [stored.key for stored in store.answers()]
        store.close()
        assert kept == whole[: len(kept)]
        assert len(kept) <= shortest
        shortest = len(kept)
    assert shortest < 12


def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path) -> None:
    opened(tmp_path).close()
    (tmp_path / DATABASE).write_bytes(b"not a database at all" * 200)
    with pytest.raises(EvalError, match="the file is damaged"):
        Store(tmp_path)


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with sqlite3.connect(tmp_path / DATABASE) as connection:
        connection.execute("PRAGMA user_version=9")
    connection.close()
    with pytest.raises(EvalError, match="format 9"):
        Store(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_can_be_read(tmp_path: Path) -> None:
    opened(tmp_path).close()
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(EvalError, match="must be writable"):
            Store(tmp_path)
        assert names(tmp_path) == []
    finally:
        tmp_path.chmod(0o700)
