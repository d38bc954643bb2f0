"""Thresholds for an embedder in a folder: evaluation's own sweep, asked for a tuned model."""

from pathlib import Path
from typing import Literal

from repartee.domain.calibration import Calibration
from repartee_eval import wiring
from repartee_eval.calibration import calibrate, require_tune_scripts, write_calibration
from repartee_eval.retrieval import score_messages
from repartee_eval.retrieval_data import RetrievalDataError, load_retrieval_data
from repartee_eval.sweep import Goal, SweepError, require_both_splits, require_enough_facts
from repartee_tune.errors import TuneError


async def calibrated(model: Path | None, data: Path, goal: Goal, limit: int) -> Calibration:
    """Choose a threshold per script on the split `tune`. Raises TuneError where the data does not allow it.

    `model` is a run or an encoder's folder; None the embedder that the service would use here.
    """
    folder = model / "model" if model and (model / "model").is_dir() else model
    kind: Literal["local", "folder"] = "local" if folder and (folder / "encoder.json").is_file() else "folder"
    try:
        labelled = load_retrieval_data(data)
        require_both_splits(labelled.users)
        require_enough_facts(labelled.users, [goal])
        require_tune_scripts(labelled.users)
        async with wiring.open_embedder(folder, kind) as embedder:
            messages = await score_messages(embedder, labelled.users)
            profile = embedder.profile.id
        return calibrate(messages, goal, limit, profile=profile, data=labelled.fingerprint)
    except (SweepError, RetrievalDataError) as error:
        raise TuneError(str(error)) from None


def keep(calibration: Calibration, folder: Path | None) -> Path:
    """Write the thresholds, by default where the service looks, and return the file."""
    return write_calibration(folder or wiring.calibration_folder(), calibration)
