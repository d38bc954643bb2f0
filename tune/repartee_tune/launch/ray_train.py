"""A script that takes a run to a Ray cluster: the same command in every worker of a TorchTrainer."""

from pprint import pformat
from string import Template

from repartee_tune.launch.command import TrainCommand

SCRIPT = Template('''\
"""Written by `repartee-tune launch ray`. Start: ray job submit --working-dir . -- python THIS_FILE

Recipe, data, base and out are on storage that all nodes share; a worker that is lost goes on from the last
checkpoint.
"""

from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer

ARGUMENTS = $arguments


def work() -> None:
    from repartee_tune.cli import cli

    if status := cli.main(ARGUMENTS, standalone_mode=False):
        raise SystemExit(status)


trainer = TorchTrainer(
    work,
    scaling_config=ScalingConfig(num_workers=$processes, use_gpu=$gpu),
    run_config=RunConfig(storage_path=$storage, failure_config=FailureConfig(max_failures=3)),
)
trainer.fit()
''')


def ray_script(command: TrainCommand, processes: int, *, storage: str, gpu: bool = True) -> str:
    """Return the script's text. Ray sets up the process group of which Accelerate makes DDP."""
    arguments = command.arguments("ddp" if processes > 1 else "single", processes)
    return SCRIPT.substitute(
        arguments=pformat(arguments), processes=processes, gpu=gpu, storage=repr(storage)
    )
