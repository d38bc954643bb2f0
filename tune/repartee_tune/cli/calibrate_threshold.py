"""`repartee-tune calibrate-threshold`: above which score a fact is used."""

import asyncio
from pathlib import Path

import click

from repartee.domain.calibration import Calibration
from repartee_eval import wiring
from repartee_eval.calibration import calibrate, require_tune_scripts, write_calibration
from repartee_eval.retrieval import score_messages
from repartee_eval.retrieval_data import SHIPPED, RetrievalDataError, load_retrieval_data
from repartee_eval.sweep import SweepError, parse_goal, require_both_splits, require_enough_facts
from repartee_tune.errors import TuneError

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
        calibration = asyncio.run(_calibrated(model, data, goal, limit))
    except (SweepError, RetrievalDataError) as error:
        raise TuneError(str(error)) from None
    except ValueError as error:
        raise click.UsageError(f"--goal: {error}") from None
    path = write_calibration(to or wiring.calibration_folder(), calibration)
    for script, threshold in calibration.thresholds.items():
        evidence = ", ".join(f"{name} {value:g}" for name, value in calibration.evidence[script].items())
        click.echo(f"{script}: {threshold:g} ({evidence})")
    click.echo(f"{calibration.profile}, {calibration.goal}: {path}")


async def _calibrated(model: Path | None, data: Path, goal: str, limit: int) -> Calibration:
    wanted, labelled = parse_goal(goal), load_retrieval_data(data)
    require_both_splits(labelled.users)
    require_enough_facts(labelled.users, [wanted])
    require_tune_scripts(labelled.users)
    folder = model / "model" if model and (model / "model").is_dir() else model
    kind = "local" if folder and (folder / "encoder.json").is_file() else "folder"
    async with wiring.open_embedder(folder, kind) as embedder:  # type: ignore[arg-type] # one of two literals
        messages = await score_messages(embedder, labelled.users)
        profile = embedder.profile.id
    return calibrate(messages, wanted, limit, profile=profile, data=labelled.fingerprint)
