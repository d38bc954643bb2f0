"""A run's folder: made, resumed, or opened to read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from repartee_eval.errors import EvalError
from repartee_eval.runs.lock import RunLock
from repartee_eval.runs.manifest import (
    MANIFEST,
    Manifest,
    git_revision,
    merged,
    package_versions,
    read_manifest,
    write_manifest,
)
from repartee_eval.runs.schema import DATABASE
from repartee_eval.runs.store import Store
from repartee_eval.runs.store_reader import StoreReader


@dataclass(frozen=True, slots=True)
class Run:
    """An open run. `resumed`: the folder held it before."""

    folder: Path
    manifest: Manifest
    store: Store
    resumed: bool


@contextmanager
def open_run(folder: Path, manifest: Manifest, *, rejudge: bool = False) -> Iterator[Run]:
    """Make the run, or resume the one that is there, and hold it until the end of the block.

    Revision and versions are filled in. Raises RunLocked where another process works on it, RunChanged where
    something else made it, EvalError where the folder cannot be used.
    """
    _make(folder)
    lock = RunLock(folder)
    try:
        known = read_manifest(folder) if (folder / MANIFEST).exists() else None
        if known is None and (folder / DATABASE).exists():
            raise EvalError(f"{folder} holds {DATABASE} without {MANIFEST}: use another folder")
        here = manifest.model_copy(update={"git_revision": git_revision(), "versions": package_versions()})
        wanted = here if known is None else merged(folder, known, here, rejudge=rejudge)
        if wanted != known:
            write_manifest(folder, wanted)
        store = Store(folder, {**here.versions, "git": here.git_revision or ""})
        try:
            yield Run(folder, wanted, store, resumed=known is not None)
        finally:
            store.close()
    finally:
        lock.release()


@contextmanager
def read_run(folder: Path) -> Iterator[tuple[Manifest, StoreReader]]:
    """Open a run to read it, also while another process works on it. Raises EvalError."""
    manifest = read_manifest(folder)
    store = StoreReader(folder)
    try:
        yield manifest, store
    finally:
        store.close()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EvalError(f"{folder} cannot be made: {error.strerror}") from None
