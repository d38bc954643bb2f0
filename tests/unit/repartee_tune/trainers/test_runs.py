"""What a run does beside its loss: reward models, conversations, settings that cannot work, two processes."""

import json
import multiprocessing
import os
import socket
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
import yaml
from accelerate import PartialState
from accelerate.state import AcceleratorState, GradientState
from click.testing import CliRunner
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

from repartee_tune.cli import cli
from repartee_tune.errors import TuneError
from repartee_tune.merging import merge_adapter
from repartee_tune.metrics_log import read_metrics
from repartee_tune.training_run import open_run
from tests.unit.repartee_tune.tiny_rows import (
    LIBRARY_WARNINGS,
    conversation,
    make_rows,
    recipe_fields,
    tiny_recipe,
    write_dataset,
    write_rows,
)
from tests.unit.repartee_tune.tiny_training import train_in

pytestmark = [pytest.mark.filterwarnings(warning) for warning in LIBRARY_WARNINGS]


def test_a_reward_model_uses_margins_and_merges(tmp_path: Path, tiny_base: Path) -> None:
    rows = [{**row, "margin": 0.5} for row in make_rows("reward", 48)]
    data = write_rows(tmp_path / "data", rows[:32], rows[32:])
    trained = train_in(tmp_path / "run", tiny_recipe("reward", "lora"), data, tiny_base)
    assert trained.health.passed, trained.health
    merged = merge_adapter(tmp_path / "run" / "model", tiny_base, tmp_path / "merged", dtype="float32")
    model = AutoModelForSequenceClassification.from_pretrained(merged)
    assert model.score.weight.shape == (1, 64)
    head = load_file(tmp_path / "run" / "model" / "adapter_model.safetensors")
    saved = next(tensor for name, tensor in head.items() if "score" in name)
    assert torch.equal(saved, model.score.weight)


def test_margins_on_some_rows_only_are_refused(tmp_path: Path, tiny_base: Path) -> None:
    rows = make_rows("reward", 8)
    data = write_rows(tmp_path / "data", [{**rows[0], "margin": 1.0}, *rows[1:]], rows)
    with pytest.raises(TuneError, match="some rows have a margin and some have none"):
        train_in(tmp_path / "run", tiny_recipe("reward", "lora"), data, tiny_base)


def test_whole_conversations_train_replies_only(tmp_path: Path, tiny_base: Path) -> None:
    random = Random(0)
    rows = [conversation(random) for _ in range(24)]
    data = write_rows(tmp_path / "data", rows[:16], rows[16:])
    trained = train_in(tmp_path / "run", tiny_recipe("sft", epochs=1), data, tiny_base)
    assert trained.health.passed, trained.health


def test_a_template_without_reply_marks_is_refused_for_conversations(tmp_path: Path, tiny_base: Path) -> None:
    base = _copy_of(tiny_base, tmp_path / "base")
    template = base / "chat_template.jinja"
    plain = template.read_text("utf-8").replace("{% generation %}", "").replace("{% endgeneration %}", "")
    template.write_text(plain, "utf-8")
    rows = [conversation(Random(0))] * 2
    data = write_rows(tmp_path / "data", rows, rows)
    with pytest.raises(TuneError, match="give rows of prompt and completion"):
        train_in(tmp_path / "run", tiny_recipe("sft"), data, base)


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path, tiny_base: Path) -> None:
    data = write_dataset(tmp_path / "data", "sft")
    recipe = tiny_recipe("sft", learning_rate=1e30, max_gradient_norm=1e30)
    with pytest.raises(TuneError, match="is not a number at step"):
        train_in(tmp_path / "run", recipe, data, tiny_base)
    assert json.loads((tmp_path / "run" / "status.json").read_text())["state"] == "failed"


def test_a_finished_run_says_everything_and_is_a_no_op(tmp_path: Path, tiny_base: Path) -> None:
    data, out, recipe = write_dataset(tmp_path / "data", "dpo"), tmp_path / "run", tmp_path / "recipe.yaml"
    fields = {**recipe_fields("dpo", "full", epochs=1), "precompute_reference": True}
    recipe.write_text(yaml.safe_dump(fields), "utf-8")
    command = ["train", str(recipe), "--data", str(data), "--base", str(tiny_base), "--out", str(out)]
    first = CliRunner().invoke(cli, command)
    assert first.exit_code == 0, first.output
    assert "learning_rate: 0.001" in first.output
    assert "step 4/4  loss" in first.output
    assert "ok   eval_margin" in first.output
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["counts"]["train"]["kept"] == 32
    assert {"curves.png", "curves.svg", "health.json", "model/model.safetensors"} <= set(manifest["outputs"])
    assert next((out / "tensorboard").glob("events*")).stat().st_size > 1000
    assert (out / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert not (out / "checkpoints").exists()
    before = (out / "manifest.json").stat().st_mtime_ns
    again = CliRunner().invoke(cli, command)
    assert "nothing to do" in again.output
    assert (out / "manifest.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"config.json": None, "adapter_config.json": "{}"}, "merge the adapter first"),
        ({"model.safetensors": None, "pytorch_model.bin": "x"}, "no safetensors weights: pickled"),
        ({"chat_template.jinja": None}, "has no chat template"),
    ],
)
def test_a_base_that_cannot_be_trained_is_refused(
    tmp_path: Path, tiny_base: Path, damage: dict[str, str | None], message: str
) -> None:
    base = _copy_of(tiny_base, tmp_path / "base")
    for name, text in damage.items():
        (base / name).unlink(missing_ok=True)
        if text is not None:
            (base / name).write_text(text, "utf-8")
    with pytest.raises(TuneError, match=message):
        train_in(tmp_path / "run", tiny_recipe("sft"), write_dataset(tmp_path / "data", "sft"), base)


def test_fewer_processes_than_said_are_an_error(tmp_path: Path, tiny_base: Path) -> None:
    data = write_dataset(tmp_path / "data", "sft")
    with pytest.raises(TuneError, match=r"--world-size is 2, but 1 process\(es\) were started"):
        open_run(tiny_recipe("sft"), data=data, base=tiny_base, out=tmp_path / "run", world_size=2)
    assert not (tmp_path / "run").exists()


def test_sharding_that_was_not_given_is_an_error(tmp_path: Path, tiny_base: Path) -> None:
    data, recipe = write_dataset(tmp_path / "data", "sft"), tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(recipe_fields("sft")), "utf-8")
    command = [
        "train",
        str(recipe),
        "--data",
        str(data),
        "--base",
        str(tiny_base),
        "--out",
        str(tmp_path / "run"),
    ]
    result = CliRunner().invoke(cli, [*command, "--strategy", "fsdp2"])
    assert result.exit_code == 1
    assert "--strategy fsdp2 was asked for, and the launcher gave NO" in result.stderr


def _one_of_two(rank: int, port: int, command: list[str]) -> None:
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", LOCAL_WORLD_SIZE="2")
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    for state in (PartialState, AcceleratorState, GradientState):
        state._reset_state()
    cli.main(command)


def test_two_processes_train_one_model(tmp_path: Path, tiny_base: Path) -> None:
    data, recipe, out = write_dataset(tmp_path / "data", "dpo"), tmp_path / "recipe.yaml", tmp_path / "run"
    recipe.write_text(
        yaml.safe_dump(recipe_fields("dpo", "lora", epochs=1, per_device_batch_size=4)), "utf-8"
    )
    folders = ["--data", str(data), "--base", str(tiny_base), "--out", str(out)]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["train", str(recipe), *folders, "--world-size", "2"]
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_one_of_two, args=(rank, port, command)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    manifest: dict[str, Any] = json.loads((out / "manifest.json").read_text())
    assert manifest["parameters"]["world_size"] == 2
    assert manifest["parameters"]["strategy"] == "ddp"
    assert manifest["counts"]["steps"] == 4  # as with one process: the effective batch is the recipe's
    alone = tiny_recipe("dpo", "lora", epochs=1)
    train_in(tmp_path / "alone", alone, data, tiny_base)
    one, two = (
        [line["loss"] for line in read_metrics(folder) if "loss" in line]
        for folder in (tmp_path / "alone", out)
    )
    assert one == pytest.approx(two, abs=1e-5)
    assert manifest["counts"]["health_passed"]


def _copy_of(base: Path, to: Path) -> Path:
    to.mkdir()
    for path in base.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to
