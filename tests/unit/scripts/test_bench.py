"""A few hundred requests of the benchmark: all starts, answers and is counted; speed is not asserted."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.bench import payloads, report
from scripts.bench.processes import CHECKOUT
from scripts.bench.servers import CLIENTS, EMBEDDED, LEAN, NAMES, REMOTE
from scripts.bench.shares import shares
from scripts.bench.wire import chunk, head_and_length, request, response

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="pins processes, as Linux can")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("bench") / "found.json"
    command = [sys.executable, "-m", "scripts.bench", "--quick", "--out", str(file)]
    done = subprocess.run(command, check=False, cwd=CHECKOUT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr[-2_000:]
    return json.loads(file.read_text())


def test_every_server_makes_its_calls_and_answers_in_every_cell(found: dict[str, Any]) -> None:
    assert found["calls_per_request"] == {LEAN: 3.0, CLIENTS: 3.0, REMOTE: 3.0, EMBEDDED: 1.0}
    cells = {(row["server"], row["model_ms"]) for row in found["replies"]}
    assert cells >= {(name, delay) for name in NAMES for delay in (0, 50)}
    assert all(row["requests"] >= 8 for row in found["replies"])
    slow = [row["p50_ms"] for row in found["replies"] if row["model_ms"] == 50]
    assert min(slow) >= 50


def test_targets_and_machine_are_written_beside_the_figures(found: dict[str, Any]) -> None:
    assert len(found["targets"]) == 5
    assert all({"target", "found", "of_a", "wanted", "met"} == row.keys() for row in found["targets"])
    assert found["machine"]["packages"]["aiohttp"]
    assert {row["server"] for row in found["streams"]} == {"(a) byte pass-through", "repartee", "direct"}
    assert all(us > 0 for us in found["parts"]["cpu_us"].values())


def test_a_verdict_is_what_the_figures_say() -> None:
    cpu = {LEAN: 500.0, CLIENTS: 10_000.0, REMOTE: 900.0, report.SEEN_BEFORE: 1_500.0}
    replies = {(name, 0, 32): {"cpu_us": us} for name, us in cpu.items()}
    p50 = {(REMOTE, 1): 52.0, (REMOTE, 32): 54.0, (LEAN, 1): 51.0, (LEAN, 32): 53.0}
    p50 |= {("direct", 1): 50.0, ("direct", 32): 50.5}
    replies |= {(name, 50, clients): {"p50_ms": ms} for (name, clients), ms in p50.items()}
    streams = {name: {"cpu_ms_per_1000_chunks": 20.0} for name in ("(a) byte pass-through", "repartee")}
    targets = report.verdicts(replies, streams, 32)
    assert [target["met"] for target in targets] == [False, True, False, True, False, True]
    assert [target["of_a"] for target in targets] == [1.0, None, None, 1.0, 2.5, 1.0]


def test_the_request_is_a_chat_of_three_kilobytes_whose_last_message_is_new_each_time() -> None:
    assert 2_500 < len(payloads.turn()) < 4_000
    assert payloads.turn().count(payloads.MARK) == 1
    assert len(payloads.stream_events()) == payloads.STREAM_CHUNKS + 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (response(b"{}"), (62, 2)),
        (response(b"{}")[:30], None),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunk(b"a"), (47, None)),
    ],
)
def test_heads_are_read_whole_or_not_at_all(data: bytes, expected: Any) -> None:
    assert head_and_length(data) == (expected and (data.index(b"\r\n\r\n") + 4, expected[1]))


def test_a_request_says_how_long_it_is() -> None:
    start, length = head_and_length(request("/x", b"abc")) or (0, 0)
    assert (request("/x", b"abc")[start:], length) == (b"abc", 3)


def test_nothing_is_left_in_the_checkout() -> None:
    assert not list(Path(CHECKOUT).glob("*.log"))


def test_a_built_in_functions_time_belongs_to_whoever_called_it() -> None:
    composing, search = ("/x/application/compose_prompt.py", 1, "f"), ("~", 0, "<search>")
    profile = SimpleNamespace(
        stats={
            composing: (1, 1, 1.0, 4.0, {}),
            search: (
                1,
                1,
                3.0,
                3.0,
                {composing: (1, 1, 2.0, 2.0), ("/a/selectors.py", 1, "g"): (1, 1, 1.0, 1.0)},
            ),
        }
    )
    found = shares(profile)  # type: ignore[arg-type]
    assert list(found.values()) == [0.75, 0.25]
    assert "prompt" in next(iter(found))
