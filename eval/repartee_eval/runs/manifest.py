"""`run.json`: everything that made a run, and whether a later command means the same run."""

import os
import platform
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from repartee_eval.errors import EvalError

MANIFEST: Final = "run.json"
FORMAT: Final = "repartee.run/1"
_PACKAGES: Final = ("repartee", "evalica", "scipy", "statsmodels", "genai-prices", "aiohttp")
_RECORDED: Final = {"format", "judges", "git_revision", "versions", "created"}
"""Fields that may differ when a run is resumed; the judges are compared one by one."""


class RunChanged(EvalError):
    """The folder holds a run that something else made."""

    code = "run_changed"


class JudgeSection(BaseModel):
    """One judge of a run. `prompts` and `criteria` map names to SHA-256; `settings` holds the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    model: str
    endpoint: str = ""
    prompts: Mapping[str, str] = {}
    criteria: Mapping[str, str] = {}
    settings: Mapping[str, JsonValue] = {}


class Manifest(BaseModel):
    """What made a run. Hashes are SHA-256 in hexadecimal digits; never put a key into `config`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["repartee.run/1"] = FORMAT
    command: str
    models: tuple[str, ...] = ()
    config: Mapping[str, JsonValue] = {}
    prompts: Mapping[str, str] = {}
    data: Mapping[str, str] = {}
    seed: int = 0
    judges: tuple[JudgeSection, ...] = ()
    git_revision: str | None = None
    versions: Mapping[str, str] = {}
    created: datetime = Field(default_factory=lambda: datetime.now(UTC))

    def judge(self, judge_id: str) -> JudgeSection | None:
        """Return the judge's section, None where it has none."""
        return next((judge for judge in self.judges if judge.id == judge_id), None)


# --- the file -----------------------------------------------------------------------------------------


def read_manifest(folder: Path) -> Manifest:
    """Return a run's manifest. Raises EvalError where there is none, or it cannot be read."""
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise EvalError(f"{folder} holds no run: {MANIFEST} is missing") from None
    except OSError as error:
        raise EvalError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise EvalError(f"{path}: {where}: {first['msg']}") from None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest whole or not at all. Raises EvalError."""
    path = folder / MANIFEST
    new = path.with_name(f"{MANIFEST}.new")
    try:
        with new.open("wb") as file:
            file.write(manifest.model_dump_json(indent=2).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise EvalError(f"{path}: {error.strerror}") from None


# --- the same run or another --------------------------------------------------------------------------


def merged(folder: Path, known: Manifest, asked: Manifest, *, rejudge: bool) -> Manifest:
    """Return the manifest of the resumed run. Raises RunChanged, which names every field that changed.

    With `rejudge`, judges that are not there yet are added; those that are have to be the same.
    """
    changes = list(_changes(known, asked))
    new = [judge for judge in asked.judges if known.judge(judge.id) is None]
    if new and not rejudge:
        names = ", ".join(judge.id for judge in new)
        changes.append(f"judge {names} is new (--rejudge judges the same replies with it)")
    if changes:
        raise RunChanged(
            f"{folder} was made by something else: {'; '.join(changes)}. "
            "Undo the change, or start a new run in another folder"
        )
    return known.model_copy(update={"judges": (*known.judges, *new)}) if new else known


def _changes(known: Manifest, asked: Manifest) -> Iterator[str]:
    yield from _differences("", _compared(known), _compared(asked))
    for judge in asked.judges:
        if (before := known.judge(judge.id)) is not None:
            yield from _differences(
                f"judges.{judge.id}", before.model_dump(mode="json"), judge.model_dump(mode="json")
            )


def _compared(manifest: Manifest) -> dict[str, Any]:
    return manifest.model_dump(mode="json", exclude=_RECORDED)


def _differences(path: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _differences(f"{path}.{key}" if path else key, old.get(key), new.get(key))
    elif old != new:
        yield f"{path} ({_short(old)} → {_short(new)})"


def _short(value: Any) -> str:
    text = "not set" if value is None else str(value)
    return text if len(text) <= 24 else f"{text[:20]}…"


# --- what to put into it ------------------------------------------------------------------------------


def sha256_of(path: Path) -> str:
    """Return the hash of a file's bytes. Raises EvalError."""
    try:
        with path.open("rb") as file:
            digest = sha256()
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise EvalError(f"{path}: {error.strerror}") from None
    return digest.hexdigest()


def package_versions(names: Iterable[str] = _PACKAGES) -> dict[str, str]:
    """Return the versions of Python and of the packages that are installed here."""
    versions = {"python": platform.python_version()}
    for name in names:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # an optional one
            continue
    return versions


def git_revision(checkout: Path = Path(__file__).parent) -> str | None:
    """Return the commit of the code, with `+` where files changed since; None outside a checkout."""
    command = ["git", "-C", str(checkout), "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 ours
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
