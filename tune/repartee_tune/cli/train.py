"""`repartee-tune train`: a recipe, rows and a base become a model."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import yaml

from repartee_tune.cli.small_training import train_small
from repartee_tune.recipe import TextRecipe, load_recipe

STRATEGIES = click.Choice(["single", "ddp", "fsdp2", "zero3"])
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("recipe", metavar="RECIPE")
@click.option("--data", type=FOLDER, required=True, help="Dataset: train.jsonl, eval.jsonl, manifest.json.")
@click.option(
    "--base", type=FOLDER, default=None, help="The model to start from: safetensors and a tokenizer."
)
@click.option(
    "--held-out", type=FOLDER, default=None, help="Small models: labelled data that is only measured on."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The run's folder.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a field of the recipe.")
@click.option(
    "--trim", is_flag=True, help="Leave out oldest turns where a row is too long; the same as data.trim."
)
@click.option(
    "--world-size", type=click.IntRange(min=1), default=1, show_default=True, help="Processes started."
)
@click.option("--strategy", type=STRATEGIES, default=None, help="How processes share the work.")
@click.option("--resume", is_flag=True, help="Fail where there is no checkpoint to go on from.")
@click.pass_context
def train(
    ctx: click.Context,
    recipe: str,
    data: Path,
    base: Path | None,
    held_out: Path | None,
    out: Path,
    changes: tuple[str, ...],
    trim: bool,
    world_size: int,
    strategy: str | None,
    resume: bool,
) -> None:
    """Train by RECIPE: a YAML file, or the name of a shipped one. The same command goes on after a stop."""
    settings = load_recipe(recipe, [*changes, *(["data.trim=true"] if trim else [])])
    if not isinstance(settings, TextRecipe):
        train_small(settings, data=data, base=base, held_out=held_out, out=out)
        return
    if base is None:
        raise click.UsageError(f"--base: {settings.trainer} needs the model to start from")
    _print_settings(settings, data, base, out, world_size)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # base and rows are local: nothing is fetched
    training_run = import_module("repartee_tune.training_run")  # torch is imported here, not for --help
    run = training_run.open_run(
        settings,
        data=data,
        base=base,
        out=out,
        world_size=world_size,
        strategy=strategy,
        must_resume=resume,
    )
    if not isinstance(run, training_run.TrainingRun):
        click.echo(f"{out} is finished already; nothing to do")
        return
    if run.checkpoint:
        click.echo(f"going on from {run.checkpoint.name}")
    trainer = import_module(f"repartee_tune.trainers.{settings.trainer}")
    failures = import_module("repartee_tune.run_failures")
    try:
        health = trainer.train(settings, run)
    except training_run.TrainingInterrupted as interrupted:
        click.echo(f"interrupted: {interrupted}", err=True)
        ctx.exit(interrupted.exit_code)
    except Exception as error:
        raise failures.explained(error, out) from error
    _print_health(health, out)


def _print_settings(settings: TextRecipe, data: Path, base: Path, out: Path, world_size: int) -> None:
    folders: dict[str, Any] = {
        "data": str(data),
        "base": str(base),
        "out": str(out),
        "world_size": world_size,
    }
    click.echo(yaml.safe_dump({**settings.model_dump(mode="json"), "folders": folders}, sort_keys=False))


def _print_health(health: Any, out: Path) -> None:
    for check in health.checks:
        value = "-" if check.value is None else f"{check.value:.4g}"
        click.echo(f"{'ok  ' if check.passed else 'FAIL'} {check.name:20} {value:>10}  limit {check.limit:g}")
    click.echo(f"{'healthy' if health.passed else 'not healthy: the gates will refuse it'}; {out}/model")
