"""Version folders: written once, whole, and never changed."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from repartee_tune.errors import TuneError
from repartee_tune.registry.artefact import Artefact, check_weights, inspect, record
from repartee_tune.registry.durable import locked_folder, sync_folder, write_synced
from repartee_tune.registry.manifest import MANIFEST, VERSION_PATTERN, FileRecord, Manifest

TEMPORARY: Final = ".tmp-"
TRASH: Final = ".trash-"


@contextmanager
def temporary(versions: Path) -> Iterator[Path]:
    """Make a folder to copy into; only under the registry's lock.

    It is gone afterwards unless it was renamed.

    The maker holds a lock on the folder itself, so that `gc` tells one that a dead process left from one in
    use.
    """
    versions.mkdir(parents=True, exist_ok=True)
    folder = versions / f"{TEMPORARY}{uuid4().hex}"
    folder.mkdir()
    with locked_folder(folder):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def copy_artefact(artefact: Artefact, folder: Path) -> tuple[tuple[FileRecord, ...], str]:
    """Copy what is to be published into a folder; return the files and the sum of their content.

    The sums are taken from the copy, so a source that changes meanwhile cannot make a manifest lie.
    """
    for path in artefact.paths:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if path in artefact.rewritten:
            write_synced(target, artefact.rewritten[path])
        else:
            _copy_synced(artefact.folder / path, target)
    copied = inspect(folder)
    return tuple(record(folder, path) for path in copied.paths), copied.content_sha256


def publish(folder: Path, manifest: Manifest) -> Path:
    """Give a copied folder its manifest and its name. From here on it is a version."""
    write_synced(folder / MANIFEST, manifest.as_json())
    for parent in {folder, *(path.parent for path in folder.rglob("*"))}:
        sync_folder(parent)
    final = folder.parent / manifest.version
    os.rename(folder, final)  # noqa: PTH104 - the name says that this is the atomic step
    sync_folder(final.parent)
    return final


def manifests(versions: Path) -> Iterator[Manifest]:
    """Return every version's manifest, oldest first."""
    found = []
    for name in version_names(versions):
        with suppress(TuneError):  # `damaged` names it
            manifest = Manifest.read(versions / name / MANIFEST)
            if manifest.version == name:
                found.append(manifest)
    yield from sorted(found, key=lambda manifest: (manifest.created, manifest.version))


def version_names(versions: Path) -> list[str]:
    """Return what is called as versions are, whether or not its manifest can be read."""
    found = versions.iterdir() if versions.is_dir() else ()
    return sorted(path.name for path in found if re.fullmatch(VERSION_PATTERN, path.name))


def problems(folder: Path) -> list[str]:
    """Compare a version with its manifest, byte for byte; an empty list says that it is whole."""
    try:
        manifest = Manifest.read(folder / MANIFEST)
    except TuneError as error:
        return [str(error)]
    wrong = [] if manifest.version == folder.name else [f"the manifest is of {manifest.version}"]
    wrong += ["the version's folder is a link"] if folder.is_symlink() else []
    listed = {file.path: file for file in manifest.files}
    there = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    } - {MANIFEST}
    wrong += [f"{path} is missing" for path in sorted(listed.keys() - there)]
    wrong += [f"{path} is not in the manifest" for path in sorted(there - listed.keys())]
    return wrong + [
        line for path in sorted(there & listed.keys()) for line in _difference(folder, listed[path])
    ]


def require_whole(folder: Path) -> None:
    """Raise TuneError with the first difference between a version and its manifest."""
    if found := problems(folder):
        raise TuneError(f"{folder.name} is not whole: {found[0]}; register it again from its run")


def discard(folder: Path) -> None:
    """Take a folder away: out of sight at once, then its files."""
    trash = folder.parent / f"{TRASH}{uuid4().hex}"
    os.rename(folder, trash)  # noqa: PTH104 - the name says that this is the atomic step
    shutil.rmtree(trash)


def leftovers(versions: Path) -> list[Path]:
    """Return folders that a killed process left: half copied, or half deleted."""
    return [path for path in versions.glob(".*") if path.name.startswith(TRASH) or _is_abandoned(path)]


def _is_abandoned(folder: Path) -> bool:
    if not folder.name.startswith(TEMPORARY):
        return False
    try:
        with locked_folder(folder):
            return True
    except (BlockingIOError, FileNotFoundError):  # in use, or gone a moment ago
        return False


def _difference(folder: Path, listed: FileRecord) -> Iterator[str]:
    if (folder / listed.path).is_symlink():
        yield f"{listed.path} is a link"
        return
    try:
        found = record(folder, listed.path)
    except FileNotFoundError:  # deleted while it was read
        yield f"{listed.path} is missing"
        return
    if found != listed:
        yield (
            f"{listed.path} has {found.size} bytes and sum {found.sha256[:12]}, "
            f"not {listed.size} and {listed.sha256[:12]}"
        )
        return
    try:
        check_weights(folder / listed.path)
    except TuneError as error:
        yield str(error)


def _copy_synced(source: Path, target: Path) -> None:
    with source.open("rb") as one, target.open("xb") as other:
        shutil.copyfileobj(one, other, 1 << 20)
        other.flush()
        os.fsync(other.fileno())
