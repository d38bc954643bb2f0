"""The command line of a run: what is started on one machine, or in one pod."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from repartee_tune.errors import TuneError

Strategy: TypeAlias = Literal["single", "ddp", "fsdp2", "zero3"]
CONFIGURATIONS = Path(__file__).parent / "accelerate"


@dataclass(frozen=True)
class TrainCommand:
    """The arguments of `repartee-tune train`, as text: paths are those of the machine that trains."""

    recipe: str
    data: str
    base: str
    out: str
    changes: tuple[str, ...] = ()

    def arguments(self, strategy: Strategy, processes: int) -> list[str]:
        """Return everything behind the program's name; the trainer refuses other numbers of processes."""
        folders = ["--data", self.data, "--base", self.base, "--out", self.out]
        changes = [part for change in self.changes for part in ("--set", change)]
        return [
            "train",
            self.recipe,
            *folders,
            *changes,
            "--strategy",
            strategy,
            "--world-size",
            str(processes),
        ]


def command_line(
    command: TrainCommand, strategy: Strategy, processes: int, configurations: Path = CONFIGURATIONS
) -> list[str]:
    """Return what to start: the program itself on one GPU, `accelerate launch` on several.

    Raises TuneError where strategy and number of processes contradict each other.
    """
    if (strategy == "single") != (processes == 1):
        raise TuneError(
            f"--strategy {strategy} with {processes} process(es): single is one, the others are several"
        )
    arguments = command.arguments(strategy, processes)
    if strategy == "single":
        return ["repartee-tune", *arguments]
    launcher: Sequence[str] = (
        "accelerate", "launch",
        "--config_file", str(configurations / f"{strategy}.yaml"),
        "--num_processes", str(processes),
    )  # fmt: skip
    return [*launcher, "-m", "repartee_tune", *arguments]
