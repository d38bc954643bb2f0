"""A run of a small model: minutes at most, so it is done whole or not at all, and begun anew on a crash."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repartee_tune.recipe_sections import Recipe
from repartee_tune.stage import Manifest, run_stage, specify, write_json

Work = Callable[[Path], Mapping[str, Any]]
"""From the folder that is being made to counts; it writes `model/` and `measures.json` there."""


@dataclass(frozen=True)
class SmallRun:
    """Where a run reads and writes. `held_out` is only measured on."""

    data: Path
    out: Path
    base: Path | None = None
    held_out: Path | None = None

    def do(self, recipe: Recipe, work: Work) -> Manifest:
        """Run `work` unless the same was done already. Raises TuneError where `out` holds something else."""
        given = {"dataset": self.data, "base": self.base, "held_out": self.held_out}
        specification = specify(
            f"train-{recipe.trainer}",
            {name: path for name, path in given.items() if path is not None},
            {"recipe": recipe.model_dump(mode="json")},
            recipe.seed,
        )

        def whole(folder: Path) -> Mapping[str, Any]:
            counts = work(folder)
            write_json(folder / "status.json", {"state": "finished"})
            return counts

        return run_stage(specification, self.out, whole)
