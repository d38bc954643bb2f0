"""A run small enough for a test."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from repartee_tune.health import TrainingHealth
from repartee_tune.recipe import TextRecipe
from repartee_tune.training_run import TrainingRun, open_run


@dataclass(frozen=True)
class Trained:
    run: TrainingRun
    health: TrainingHealth


def train_in(out: Path, recipe: TextRecipe, data: Path, base: Path) -> Trained:
    run = open_run(recipe, data=data, base=base, out=out, world_size=1)
    assert isinstance(run, TrainingRun)
    trainer = import_module(f"repartee_tune.trainers.{recipe.trainer}")
    return Trained(run, trainer.train(recipe, run))
