"""`repartee-tune launch`: prints what starts a run elsewhere."""

import shlex

import click

from repartee_tune.launch.command import Strategy, TrainCommand, command_line
from repartee_tune.launch.kubernetes import KubernetesJob, kubernetes_job
from repartee_tune.launch.ray_train import ray_script

PLACES = click.Choice(["local", "ray", "kubernetes"])
STRATEGIES = click.Choice(["single", "ddp", "fsdp2", "zero3"])


@click.command()
@click.argument("place", type=PLACES)
@click.argument("recipe", metavar="RECIPE")
@click.option("--data", required=True, help="Dataset folder, as the training machine sees it.")
@click.option("--base", required=True, help="Base model's folder, as the training machine sees it.")
@click.option("--out", required=True, help="The run's folder, as the training machine sees it.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a field of the recipe.")
@click.option(
    "--processes", type=click.IntRange(min=1), default=1, show_default=True, help="One for each GPU."
)
@click.option(
    "--strategy", type=STRATEGIES, default="single", show_default=True, help="ddp for LoRA; else sharded."
)
@click.option("--name", default="repartee-train", show_default=True, help="kubernetes: the Job's name.")
@click.option("--image", default="repartee-tune:latest", show_default=True, help="kubernetes: the container.")
@click.option("--claim", default="repartee", show_default=True, help="kubernetes: the volume claim.")
@click.option("--storage", default="/var/lib/repartee/ray", show_default=True, help="ray: shared storage.")
def launch(
    place: str,
    recipe: str,
    data: str,
    base: str,
    out: str,
    changes: tuple[str, ...],
    processes: int,
    strategy: Strategy,
    name: str,
    image: str,
    claim: str,
    storage: str,
) -> None:
    """Print what starts RECIPE at PLACE: a command line, a script for Ray, a manifest for Kubernetes."""
    command = TrainCommand(recipe, data, base, out, changes)
    if place == "local":
        click.echo(shlex.join(command_line(command, strategy, processes)))
    elif place == "ray":
        if strategy in {"fsdp2", "zero3"}:
            raise click.UsageError(
                "--strategy: Ray Train gives ddp here; for sharding use local or kubernetes"
            )
        click.echo(ray_script(command, processes, storage=storage), nl=False)
    else:
        job = KubernetesJob(name=name, image=image, claim=claim)
        click.echo(kubernetes_job(job, command, strategy, processes), nl=False)
