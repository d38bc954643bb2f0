"""A run's folder is one process's at a time, and what never got a step done does not bind it."""

import fcntl
import logging
import os
import shutil
from dataclasses import asdict
from pathlib import Path

from repartee_tune.checkpoints import newest_checkpoint, prune_incomplete
from repartee_tune.errors import TuneError
from repartee_tune.stage import (
    SPECIFICATION,
    Manifest,
    StageSpecification,
    begin_in_place,
    read_manifest,
    read_specification,
    write_json,
)

CHECKPOINTS = "checkpoints"
_LOG = logging.getLogger(__name__)
_OF_AN_UNSAVED_RUN = ("metrics.jsonl", "env.json", "status.json")
_held: dict[Path, int] = {}


def claim(specification: StageSpecification, out: Path, world_size: int) -> Manifest | None:
    """Take `out` for this process until it ends; returns the manifest of a finished run.

    Half-written checkpoints are deleted. A folder that was begun with something else is refused where a
    checkpoint would be lost, and begun anew where there is none. Raises TuneError.
    """
    if out.exists() and not out.is_dir():
        raise TuneError(f"--out {out} is a file: give a folder")
    if read_manifest(out) is not None:
        return begin_in_place(specification, out)
    if not (out / SPECIFICATION).is_file():
        begin_in_place(specification, out)
    _lock(out)
    (out / "traceback.txt").unlink(missing_ok=True)
    prune_incomplete(out / CHECKPOINTS, world_size)
    if newest_checkpoint(out / CHECKPOINTS) is None:
        _forget_unsaved(specification, out)
    return begin_in_place(specification, out)


def _lock(out: Path) -> None:
    """The kernel gives the lock back when the process ends, however it ends."""
    path = (out / CHECKPOINTS / ".lock").resolve()
    if path in _held:
        return
    path.parent.mkdir(exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise TuneError(f"another process is training in {out}: wait for it, or give another --out") from None
    except OSError as error:
        _LOG.warning(
            "%s: this filesystem has no locks (%s); start one run in it at a time", out, error.strerror
        )
    _held[path] = descriptor


def _forget_unsaved(specification: StageSpecification, out: Path) -> None:
    if read_specification(out).key == specification.key:
        return
    for name in _OF_AN_UNSAVED_RUN:
        (out / name).unlink(missing_ok=True)
    shutil.rmtree(out / "tensorboard", ignore_errors=True)
    write_json(out / SPECIFICATION, asdict(specification))
