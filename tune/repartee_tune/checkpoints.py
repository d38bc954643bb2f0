"""Which checkpoint a run goes on from: the newest that is whole."""

import json
import shutil
import zipfile
from pathlib import Path

from repartee_tune.base_files import is_whole_safetensors

INCOMPLETE = "checkpoint-is-incomplete.txt"


def prune_incomplete(folder: Path, world_size: int) -> list[str]:
    """Delete checkpoints that a kill left half-written and the trainer would fail on; returns their names."""
    broken = [path for path in _checkpoints(folder) if not _is_whole(path, world_size)]
    for path in broken:
        shutil.rmtree(path)
    return [path.name for path in broken]


def newest_checkpoint(folder: Path) -> Path | None:
    """Return the checkpoint of the highest step, None where there is none."""
    return max(_checkpoints(folder), key=_step, default=None)


def _checkpoints(folder: Path) -> list[Path]:
    return [
        path for path in folder.glob("checkpoint-*") if path.is_dir() and path.name.split("-")[1].isdigit()
    ]


def _step(path: Path) -> int:
    return int(path.name.split("-")[1])


def _is_whole(path: Path, world_size: int) -> bool:
    """Every file is looked at: the trainer's state is written last, but a full disk keeps no order.

    torch's files are zip archives, whose directory is at the end; the head of a safetensors file says how
    long it is.
    """
    if (path / INCOMPLETE).exists():
        return False
    try:
        state = json.loads((path / "trainer_state.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    archives = [file for file in path.rglob("*") if file.suffix in {".pt", ".pth"}]
    randomness = [file for file in archives if file.name.startswith("rng_state")]
    return (
        state.get("global_step") == _step(path)
        and len(randomness) == world_size
        and all(zipfile.is_zipfile(file) for file in archives)
        and all(is_whole_safetensors(file) for file in path.rglob("*.safetensors"))
    )
