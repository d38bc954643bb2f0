"""A stage: a function from folders to a folder, with a manifest that says what it was made of.

The key is a hash of the inputs' bytes and the parameters. The same key in a finished folder means that
there is nothing to do; in an unfinished one that the stage goes on; another key is refused, naming what
changed.
"""

import fcntl
import glob
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from repartee_tune.code_versions import git_revision, package_versions
from repartee_tune.errors import TuneError

MANIFEST = "manifest.json"
SPECIFICATION = "spec.json"
_KEY_DIGITS = 12


@dataclass(frozen=True)
class StageSpecification:
    """What a stage is made of. `inputs` maps a name to the SHA-256 of each of its files."""

    stage: str
    inputs: Mapping[str, Mapping[str, str]]
    parameters: Mapping[str, Any]
    seed: int

    @property
    def key(self) -> str:
        """SHA-256 of all of it: equal keys mean equal results."""
        return hashlib.sha256(_canonical(asdict(self))).hexdigest()


@dataclass(frozen=True)
class Manifest:
    """What a finished stage's folder says of itself. `outputs` maps each file to its SHA-256."""

    key: str
    stage: str
    inputs: Mapping[str, Mapping[str, str]]
    parameters: Mapping[str, Any]
    seed: int
    outputs: Mapping[str, str]
    counts: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    git_revision: str = "unknown"


def specify(
    stage: str, inputs: Mapping[str, Path], parameters: Mapping[str, Any], seed: int
) -> StageSpecification:
    """Hash the inputs: folders or files."""
    return StageSpecification(
        stage, {name: file_hashes(path) for name, path in inputs.items()}, dict(parameters), seed
    )


def run_stage(
    specification: StageSpecification, out: Path, work: Callable[[Path], Mapping[str, Any]]
) -> Manifest:
    """Run `work` in a hidden folder beside `out` and rename it when it is whole; `work` returns counts.

    A crash leaves only the hidden folder, which the next start replaces, whatever it was made of. Raises
    TuneError where another process is making the same.
    """
    if out.resolve() == Path.cwd():
        raise TuneError(f"{out} is the folder that you are in: name a new one")
    if out.exists() and not out.is_dir():
        raise TuneError(f"{out} is a file: choose a folder")
    if (finished := read_manifest(out)) is not None:
        refuse_changes(finished, specification, out)
        return finished
    if out.exists() and any(out.iterdir()):
        raise TuneError(f"{out} is not empty and has no {MANIFEST}: choose another folder")
    with _building(out.resolve(), specification.key) as building:
        write_manifest(building, specification, work(building))
        if out.exists():
            out.rmdir()
        building.rename(out.resolve())
    return _required_manifest(out)


@contextmanager
def _building(out: Path, key: str) -> Iterator[Path]:
    """Give an empty hidden folder beside `out`, and take it away unless it was renamed."""
    folder = out.with_name(f".{out.name}.{key[:_KEY_DIGITS]}")
    for leftover in out.parent.glob(f".{glob.escape(out.name)}.{'[0-9a-f]' * _KEY_DIGITS}"):
        with _claimed(leftover):
            shutil.rmtree(leftover, ignore_errors=True)
    folder.mkdir(parents=True)
    with _claimed(folder):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """Hold a lock that ends with the process. Raises TuneError where another one holds it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TuneError(f"{folder} is being made by another process: wait for it, or stop it") from None


def begin_in_place(specification: StageSpecification, out: Path) -> Manifest | None:
    """Claim `out` for a stage that goes on after a crash; returns the manifest of a finished one."""
    if (finished := read_manifest(out)) is not None:
        refuse_changes(finished, specification, out)
        return finished
    path = out / SPECIFICATION
    if path.exists():
        refuse_changes(read_specification(out), specification, out)
    elif out.exists() and any(out.iterdir()):
        raise TuneError(f"{out} is not empty and is no run: choose another folder")
    else:
        out.mkdir(parents=True, exist_ok=True)
        write_json(path, asdict(specification))
    return None


def refuse_changes(old: "Manifest | StageSpecification", new: StageSpecification, out: Path) -> None:
    """Raise TuneError naming what is not as it was when `out` was begun."""
    if old.key == new.key:
        return
    changes = [*_changes("", old.parameters, new.parameters), *_changes("", old.inputs, new.inputs)]
    changes += ["seed"] if old.seed != new.seed else []
    changes += ["stage"] if old.stage != new.stage else []
    raise TuneError(
        f"{out} was begun with something else; changed: {', '.join(changes[:6])}. "
        "Undo the change, or give another folder"
    )


def write_manifest(out: Path, specification: StageSpecification, counts: Mapping[str, Any]) -> Manifest:
    """Hash what is in `out` and say so; from here on the stage is finished."""
    manifest = Manifest(
        key=specification.key,
        **asdict(specification),
        outputs=file_hashes(out, leave_out=("checkpoints",)),
        counts=dict(counts),
        versions=package_versions(),
        git_revision=git_revision(),
    )
    write_json(out / MANIFEST, asdict(manifest))
    return manifest


def read_manifest(out: Path) -> Manifest | None:
    """Return what a finished stage says; None where there is nothing, TuneError where it cannot be read."""
    path = out / MANIFEST
    return _read(path, Manifest) if path.is_file() else None


def read_specification(out: Path) -> StageSpecification:
    """Return what an unfinished stage was begun with."""
    specification: StageSpecification = _read(out / SPECIFICATION, StageSpecification)
    return specification


def file_hashes(path: Path, leave_out: Iterable[str] = ()) -> dict[str, str]:
    """SHA-256 of a file, or of each file of a folder by relative path; `leave_out` names top folders."""
    if path.is_file():
        return {path.name: file_hash(path)}
    if not path.is_dir():
        raise TuneError(f"{path} does not exist")
    skipped = set(leave_out)
    files = (file for file in sorted(path.rglob("*")) if file.is_file())
    relative = {file.relative_to(path).as_posix(): file for file in files}
    return {name: file_hash(file) for name, file in relative.items() if name.split("/")[0] not in skipped}


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_json(path: Path, content: Any) -> None:
    """Write so that a reader sees the old file or the new one, never half of it."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n", "utf-8")
    temporary.replace(path)


def _required_manifest(out: Path) -> Manifest:
    manifest = read_manifest(out)
    if manifest is None:
        raise TuneError(f"{out / MANIFEST} went away while the stage ran")
    return manifest


def _read(path: Path, kind: type[Any]) -> Any:
    try:
        return kind(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise TuneError(f"{path} cannot be read as a {kind.__name__}: {type(error).__name__}") from None


def _changes(path: str, old: Any, new: Any) -> list[str]:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return [] if _canonical(old) == _canonical(new) else [path]
    keys = sorted({*old, *new})
    return [c for key in keys for c in _changes(f"{path}.{key}".lstrip("."), old.get(key), new.get(key))]


def _canonical(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
