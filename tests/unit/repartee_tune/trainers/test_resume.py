"""A run that was stopped or killed ends with the same bytes as one that was left alone."""

import json
import multiprocessing
import os
import resource
import shutil
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from repartee_tune.cli import cli
from repartee_tune.recipe import TextRecipe, load_recipe
from repartee_tune.stage import file_hash
from repartee_tune.training_run import open_run
from tests.unit.repartee_tune.checkpoint_folders import write_checkpoint
from tests.unit.repartee_tune.tiny_rows import LIBRARY_WARNINGS, recipe_fields, write_dataset

pytestmark = [pytest.mark.filterwarnings(warning) for warning in LIBRARY_WARNINGS]


class Workplace:
    """A dataset, a recipe of 40 steps and a command line."""

    def __init__(self, folder: Path, base: Path, trainer: str, adaptation: str) -> None:
        self.run = folder / "run"
        self.recipe = folder / "recipe.yaml"
        self.data = write_dataset(folder / "data", trainer)
        self.base = base
        self.recipe.write_text(yaml.safe_dump(recipe_fields(trainer, adaptation, epochs=10)), "utf-8")

    def command(self, out: Path, *more: str) -> list[str]:
        folders = ("--data", str(self.data), "--base", str(self.base), "--out", str(out))
        return ["train", str(self.recipe), *folders, *more]

    def invoke(self, out: Path, *more: str) -> Result:
        return CliRunner().invoke(cli, self.command(out, *more))

    def start(self) -> BaseProcess:
        process = multiprocessing.get_context("fork").Process(target=cli.main, args=(self.command(self.run),))
        process.start()
        return process

    def weights(self, out: Path) -> str:
        return file_hash(next((out / "model").glob("*.safetensors")))

    def status(self) -> dict[str, object]:
        return json.loads((self.run / "status.json").read_text("utf-8"))

    def steps(self) -> int:
        metrics = self.run / "metrics.jsonl"
        return metrics.read_text("utf-8").count('"grad_norm"') if metrics.exists() else 0


def _wait(condition: Callable[[], bool], process: BaseProcess) -> None:
    while not condition():
        assert process.is_alive(), "the run ended before it could be stopped"
        time.sleep(0.005)


def test_after_sigterm_the_same_command_ends_with_the_same_bytes(tmp_path: Path, tiny_base: Path) -> None:
    work = Workplace(tmp_path, tiny_base, "sft", "lora")  # TRL switches dropout off for DPO
    assert work.invoke(tmp_path / "whole").exit_code == 0

    process = work.start()
    _wait(lambda: work.steps() >= 6, process)
    os.kill(process.pid, signal.SIGTERM)
    process.join()

    assert process.exitcode == 75
    stopped = work.status()
    assert stopped["state"] == "interrupted"
    assert 6 <= stopped["global_step"] < stopped["max_steps"] == 40
    again = work.invoke(work.run, "--resume")
    assert again.exit_code == 0, again.output
    assert f"going on from checkpoint-{stopped['global_step']}" in again.output
    assert work.status()["state"] == "finished"
    assert work.weights(work.run) == work.weights(tmp_path / "whole")
    assert work.steps() == 40


def test_after_kill_9_with_a_torn_checkpoint_the_bytes_are_the_same(tmp_path: Path, tiny_base: Path) -> None:
    work = Workplace(tmp_path, tiny_base, "dpo", "full")
    assert work.invoke(tmp_path / "whole").exit_code == 0

    process = work.start()
    _wait(lambda: work.steps() >= 6, process)
    process.kill()
    process.join()
    checkpoints = work.run / "checkpoints"
    torn = checkpoints / "checkpoint-39"
    shutil.copytree(next(checkpoints.glob("checkpoint-*")), torn)
    (torn / "optimizer.pt").write_bytes((torn / "optimizer.pt").read_bytes()[:-40])

    assert process.exitcode == -signal.SIGKILL
    assert work.status()["state"] == "running"
    again = work.invoke(work.run)
    assert again.exit_code == 0, again.output
    assert "going on from checkpoint-" in again.output
    assert "checkpoint-39" not in again.output
    assert work.weights(work.run) == work.weights(tmp_path / "whole")
    assert work.steps() == 40


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Workplace:
    """A run folder that holds a checkpoint."""
    work = _begun(tmp_path_factory.mktemp("stopped"), tiny_base)
    write_checkpoint(work.run / "checkpoints", 4)
    return work


def _begun(folder: Path, base: Path) -> Workplace:
    work = Workplace(folder, base, "dpo", "lora")
    recipe = load_recipe(str(work.recipe))
    assert isinstance(recipe, TextRecipe)
    open_run(recipe, data=work.data, base=work.base, out=work.run, world_size=1)
    return work


def test_refuses_another_learning_rate(stopped: Workplace) -> None:
    result = stopped.invoke(stopped.run, "--set", "optimiser.learning_rate=0.5")
    assert result.exit_code == 1
    assert "changed: recipe.optimiser.learning_rate" in result.stderr


def test_refuses_other_rows(stopped: Workplace, tmp_path: Path) -> None:
    shutil.copytree(stopped.data, tmp_path / "data")
    with (tmp_path / "data" / "train.jsonl").open("a", encoding="utf-8") as stream:
        stream.write("\n")
    result = stopped.invoke(stopped.run, "--data", str(tmp_path / "data"))
    assert result.exit_code == 1
    assert "changed: dataset.train.jsonl" in result.stderr


def test_refuses_another_base(stopped: Workplace, tmp_path: Path) -> None:
    shutil.copytree(stopped.base, tmp_path / "base")
    (tmp_path / "base" / "chat_template.jinja").write_text("{{ messages }}", "utf-8")
    result = stopped.invoke(stopped.run, "--base", str(tmp_path / "base"))
    assert result.exit_code == 1
    assert "changed: base.chat_template.jinja" in result.stderr


def test_resume_without_a_checkpoint_is_an_error(tmp_path: Path, tiny_base: Path) -> None:
    begun = _begun(tmp_path, tiny_base)
    result = begun.invoke(begun.run, "--resume")
    assert result.exit_code == 1
    assert "has no checkpoint" in result.stderr


def test_a_run_that_saved_no_step_may_begin_anew_with_another_recipe(tmp_path: Path, tiny_base: Path) -> None:
    work = Workplace(tmp_path, tiny_base, "dpo", "lora")
    refused = work.invoke(work.run, "--set", "data.max_length=16")
    assert refused.exit_code == 1
    assert "exceed data.max_length 16" in refused.stderr
    corrected = work.invoke(work.run, "--set", "optimiser.epochs=1")
    assert corrected.exit_code == 0, corrected.output
    lines = (work.run / "metrics.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines].count(0) == 1


def _hold(work: Workplace, ready: Connection) -> None:
    _begun(work.run.parent, work.base)
    ready.send(True)
    signal.pause()


def test_two_processes_cannot_train_in_one_folder(tmp_path: Path, tiny_base: Path) -> None:
    work = Workplace(tmp_path, tiny_base, "dpo", "lora")
    here, there = multiprocessing.Pipe()
    other = multiprocessing.get_context("fork").Process(target=_hold, args=(work, there))
    other.start()
    here.recv()
    refused = work.invoke(work.run)
    other.kill()
    other.join()
    assert refused.exit_code == 1
    assert "another process is training in" in refused.stderr
    assert work.invoke(work.run, "--resume").stderr.count("has no checkpoint") == 1  # the lock went with it


def _without_room(work: Workplace, room: int, words: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    result = work.invoke(work.run)
    words.send((result.exit_code, result.stderr))


def test_a_disk_that_is_full_at_a_checkpoint_loses_no_step(tmp_path: Path, tiny_base: Path) -> None:
    """A limit on the size of files stands for the disk: weights fit, the optimizer's state does not."""
    work = Workplace(tmp_path, tiny_base, "sft", "full")
    here, there = multiprocessing.Pipe()
    room = (tiny_base / "model.safetensors").stat().st_size + 4096
    process = multiprocessing.get_context("fork").Process(target=_without_room, args=(work, room, there))
    process.start()
    status, words = here.recv()
    process.join()
    assert status == 1
    assert "is full: make room; the same command goes on from the last checkpoint" in words
    assert work.status()["state"] == "failed"
    again = work.invoke(work.run, "--set", "optimiser.epochs=1")
    assert again.exit_code == 0, again.output
