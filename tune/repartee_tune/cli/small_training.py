"""What `repartee-tune train` does with a recipe of a small model."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import yaml

from repartee_eval.retrieval_data import SHIPPED
from repartee_tune.recipe_sections import Recipe


def train_small(settings: Recipe, *, data: Path, base: Path | None, held_out: Path | None, out: Path) -> None:
    """Train, print what was measured. Raises TuneError."""
    if held_out is None and settings.trainer in {"embedder", "reranker"} and SHIPPED.is_dir():
        held_out = SHIPPED
    folders = {"data": data, "base": base, "held_out": held_out, "out": out}
    shown: dict[str, Any] = {name: str(path) for name, path in folders.items() if path}
    click.echo(yaml.safe_dump({**settings.model_dump(mode="json"), "folders": shown}, sort_keys=False))
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # all is local: nothing is fetched
    done = (out / "manifest.json").is_file()
    small_run = import_module("repartee_tune.small_run")  # torch comes with the trainers, not with --help
    trainer = import_module(f"repartee_tune.trainers.{settings.trainer}")
    run = small_run.SmallRun(data=data, out=out, base=base, held_out=held_out)
    manifest = trainer.train(settings, run, _say)
    if (out / "measures.md").is_file():
        click.echo((out / "measures.md").read_text("utf-8"))
    click.echo(f"{out} is finished already; nothing to do" if done else f"{manifest.counts}\n{out}/model")


def _say(step: int, loss: float) -> None:
    if step % 8 == 0:
        click.echo(f"step {step}: loss {loss:.3f}", err=True)
