import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

from repartee_eval.runs.folder import read_run

SCRIPT = Path(__file__).parents[4] / "scripts" / "kill_runs.py"


def kill_runs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("kill_runs", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["kill_runs"] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


async def test_kill_9_loses_no_answer_and_repeats_at_most_the_calls_in_flight(tmp_path: Path) -> None:
    found = await kill_runs().killed_until_done(
        tmp_path / "run", items=500, kills=8, concurrency=12, seed=5, longest=0.15
    )
    assert found["kills"] >= 6
    assert (found["answers"], found["lost"], found["changed"]) == (500, 0, 0)
    assert 0 < found["repeated"] <= found["said_unknown"] <= found["kills"] * 12
    assert found["most_repeated_per_kill"] <= 12


_STOPPABLE = """
import asyncio, sys
from pathlib import Path
from repartee_eval.runs.folder import open_run
from repartee_eval.runs.limits import Concurrency
from repartee_eval.runs.manifest import Manifest
from repartee_eval.runs.runner import Runner
from repartee_eval.runs.stop_signals import INTERRUPTED, stop_on_signals
from tests.unit.repartee_eval.runs.jobs import Endpoint, jobs

async def work():
    with open_run(Path(sys.argv[1]), Manifest(command="stop")) as run:
        runner = Runner(run.store, concurrency=Concurrency(4, 4))
        with stop_on_signals(runner.stop):
            print("open", flush=True)
            summary = await runner.run(jobs(10_000, Endpoint(latency=float(sys.argv[2]))))
    print(*summary.lines(), sep="; ")
    sys.exit(INTERRUPTED if summary.stopped else 0)

asyncio.run(work())
"""


def stopped(folder: Path, latency: float, *signals: int) -> tuple[int, str, str]:
    command = [sys.executable, "-c", _STOPPABLE, str(folder), str(latency)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, cwd=SCRIPT.parents[1], **pipes) as process:
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        for number in signals:
            time.sleep(0.3)
            os.kill(process.pid, number)
        said, error = process.communicate(timeout=30)
    return process.returncode, said, error


def test_ctrl_c_ends_the_calls_in_flight_and_says_how_to_go_on(tmp_path: Path) -> None:
    status, said, error = stopped(tmp_path, 0.1, signal.SIGINT)
    assert status == 130
    assert "stopping after the calls in flight" in error
    assert "0 calls in flight given up: repeat the command to go on" in said
    with read_run(tmp_path) as (_, store):
        assert store.spending().unknown_calls == 0
        assert store.spending().calls == sum(1 for _ in store.answers()) > 0


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    status, said, error = stopped(tmp_path, 60, signal.SIGTERM, signal.SIGINT)
    assert (status, said) == (130, "")
    assert "unknown outcome" in error
    with read_run(tmp_path) as (_, store):
        assert store.spending().unknown_calls == 4


def test_the_runner_script_loads_without_a_loop_running() -> None:
    assert asyncio.iscoroutinefunction(kill_runs().work)
