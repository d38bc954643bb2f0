"""`repartee-tune calibrate-threshold`: above which score a fact is used."""

import asyncio
from importlib import import_module
from pathlib import Path

import click

from repartee.domain.calibration import Calibration
from repartee_eval.retrieval_data import SHIPPED
from repartee_eval.sweep import parse_goal

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("calibrate-threshold")
@click.argument("model", type=_FOLDER, required=False)
@click.option("--data", type=_FOLDER, default=SHIPPED, help="Labelled users. Default: the project's own.")
@click.option(
    "--goal", default="fpr<=0.125", show_default=True, help="max-f1, precision>=X, fpr<=X or fpr<=X@N."
)
@click.option("--limit", type=click.IntRange(1, 100), default=3, show_default=True, help="Facts per message.")
@click.option(
    "--to", type=click.Path(file_okay=False, path_type=Path), help="Default: where the service looks."
)
def calibrate_threshold(model: Path | None, data: Path, goal: str, limit: int, to: Path | None) -> None:
    """Choose thresholds for the embedder in MODEL on users of the split tune, and keep them for the service.

    MODEL is a run or a folder of an encoder; without it the embedder that is configured. What the thresholds
    give on the split test is printed and kept beside them, as by `repartee-eval retrieval --sweep --write`.
    """
    try:
        wanted = parse_goal(goal)
    except ValueError as error:
        raise click.UsageError(f"--goal: {error}") from None
    threshold = import_module("repartee_tune.retrieval.threshold")  # opens the service: not for --help
    calibration: Calibration = asyncio.run(threshold.calibrated(model, data, wanted, limit))
    path = threshold.keep(calibration, to)
    for script, chosen in calibration.thresholds.items():
        evidence = ", ".join(f"{name} {value:g}" for name, value in calibration.evidence[script].items())
        click.echo(f"{script}: {chosen:g} ({evidence})")
    click.echo(f"{calibration.profile}, {calibration.goal}: {path}")
