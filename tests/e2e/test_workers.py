"""Several workers as real processes: what a killed one takes with it, how they end, what stops the start."""

import asyncio
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.fleet import BODY, loaded
from tests.processes import Repartee, Service, call, loopback_upstream, service
from tests.worker_processes import SEVERAL, alive, connections_of, workers_of

TWO = SEVERAL | {"REPARTEE_API__WORKERS": "2"}


def _wait_for_chats(upstream: str, count: int) -> None:
    for _ in range(500):
        seen = call("GET", f"{upstream}/loopback/requests").body["requests"]
        if sum(one["endpoint"] == "chat" for one in seen) >= count:
            return
        time.sleep(0.02)
    raise AssertionError("the requests did not reach the model")


async def _until_gone(pids: list[int], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while alive(pids):
            await asyncio.sleep(0.05)


def _served(running: Service) -> float:
    """Return how many replies /metrics counts, whichever worker answers it."""
    found = re.search(r'repartee_requests_total\{.*route="/generate".*\} (\S+)', running.get("/metrics").body)
    return float(found[1]) if found else 0.0


@asynccontextmanager
async def _asking_until_told_to_go(url: str, at_once: int) -> AsyncIterator[list[int]]:
    """Ask as clients do that leave when an answer says `Connection: close`; the value collects statuses."""
    statuses: list[int] = []

    async def ask(session: aiohttp.ClientSession) -> None:
        close = False
        while not close:
            async with session.post(url + "/generate", json=BODY) as answer:
                await answer.read()
                statuses.append(answer.status)
                close = answer.headers.get("connection") == "close"

    async with aiohttp.ClientSession() as session:
        asking = [asyncio.create_task(ask(session)) for _ in range(at_once)]
        yield statuses
        await asyncio.gather(*asking)


async def test_a_killed_worker_takes_its_own_requests_only_and_sigterm_under_load_none(
    tmp_path: Path,
) -> None:
    with (
        loopback_upstream(otherwise="after=0.05") as upstream,
        service(
            tmp_path / "var",
            **TWO,
            REPARTEE_LLM__BASE_URL=f"{upstream}/v1",
            REPARTEE_EVENTS__ENABLED="true",
            REPARTEE_API__DRAIN_SECONDS="0.6",
        ) as running,
    ):
        port = int(running.url.rpartition(":")[2])
        before = workers_of(running.process.pid)
        async with loaded(running.url, at_once=8, pause=0.0) as statuses:
            while len(statuses) < 40:
                await asyncio.sleep(0.02)
            connected = [connections_of(pid, port) for pid in before]
            assert min(connected) > 0, "one worker has taken all connections"
            os.kill(before[0], signal.SIGKILL)
            killed_at = len(statuses)
            while len(statuses) < killed_at + 60:
                await asyncio.sleep(0.02)
            async with asyncio.timeout(60):
                while len(workers_of(running.process.pid)) < 2 or "a worker is back" not in running.output():
                    await asyncio.sleep(0.05)
        assert set(statuses) == {200, 0}
        assert statuses.count(0) <= connected[0]
        assert before[1] in workers_of(running.process.pid)
        counted = _served(running)
        assert counted >= statuses.count(200)

        async with _asking_until_told_to_go(running.url, at_once=6) as answered:
            while len(answered) < 60:
                await asyncio.sleep(0.02)
            running.process.send_signal(signal.SIGTERM)
        assert set(answered) == {200}
        assert await asyncio.to_thread(running.process.wait, 30) == 0
        logged = [json.loads(line) for line in running.output().splitlines() if line.startswith("{")]
    assert {line.get("worker") for line in logged if line["event"] == "request"} == {1, 2}
    files = list((tmp_path / "var" / "events").glob("*.jsonl"))
    events = [json.loads(line) for file in files for line in file.read_bytes().splitlines()]
    assert len(files) == 3, "each process writes a file of its own, the replacement too"
    assert len(events) >= statuses.count(200) + len(answered)


def test_ctrl_c_drains_and_a_second_signal_ends_all_workers_at_once(tmp_path: Path) -> None:
    with (
        loopback_upstream() as upstream,
        service(
            tmp_path / "var", **TWO, REPARTEE_LLM__BASE_URL=f"{upstream}/v1", REPARTEE_API__DRAIN_SECONDS="20"
        ) as running,
        ThreadPoolExecutor(4) as pool,
    ):
        workers = workers_of(running.process.pid)
        call("POST", f"{upstream}/loopback/script", {"endpoint": "chat", "faults": ["hang"] * 4})
        asked = [pool.submit(running.post, "/generate", BODY) for _ in range(4)]
        _wait_for_chats(upstream, 4)
        for pid in (*workers, running.process.pid):  # as Ctrl-C in a terminal does: it must count once
            os.kill(pid, signal.SIGINT)
        time.sleep(0.5)
        assert running.process.poll() is None
        assert alive(workers) == workers
        assert running.get("/readyz").status == 503
        started = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(timeout=10) == 143
        assert time.monotonic() - started < 4.0
        assert alive(workers) == []
        assert all(one.exception(10) is not None or one.result().status >= 500 for one in asked)
    assert not (tmp_path / "var" / "server.json").exists()
    assert "Traceback" not in running.output()


async def test_workers_whose_parent_was_killed_end_in_good_order(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    with service(tmp_path / "var", **TWO, TMPDIR=str(tmp_path / "metrics")) as running:
        workers = workers_of(running.process.pid)
        running.process.kill()
        await _until_gone(workers, 15)
    assert list((tmp_path / "metrics").glob("repartee-*")) == []
    assert len(workers) == 2
    assert "Traceback" not in running.output()


# --- what stops the start -----------------------------------------------------------------------------


def _serve_fails(folder: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    command = Repartee(folder)
    command._environment |= settings
    return command.run("serve", "--port", "0", "--workers", "2")


def test_what_only_a_worker_finds_wrong_ends_the_start_with_one_line(tmp_path: Path) -> None:
    ended = _serve_fails(tmp_path, **TWO, REPARTEE_EMBEDDER__FOLDER=str(tmp_path / "nothing"))
    assert ended.returncode == 2
    errors = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    assert len(errors) == 1
    assert errors[0].startswith("error: ")
    assert "nothing" in errors[0]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "REPARTEE_QDRANT__URL"),
        (TWO | {"REPARTEE_API__WORKERS": "0"}, "REPARTEE_API__WORKERS"),
    ],
)
def test_what_the_first_process_finds_wrong_is_one_line(
    tmp_path: Path, settings: dict[str, str], named: str
) -> None:
    ended = _serve_fails(tmp_path, **settings)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert ended.stderr.startswith("error: ")
    assert named in ended.stderr
