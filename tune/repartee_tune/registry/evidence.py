"""The gate report that a promotion needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from repartee_tune.errors import TuneError
from repartee_tune.registry.manifest import Manifest

REPORT: Final = "report.json"


class _Candidate(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    content_sha256: str
    version: str | None = None


class _Champion(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str | None = None


class _Policy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    file: str = ""


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    decision: Literal["passed", "failed", "breached", "inconclusive"]
    candidate: _Candidate
    champion: _Champion | None = None
    policy: _Policy = _Policy()


@dataclass(frozen=True, slots=True)
class Evidence:
    """A gate report: what it is about, the champion it compared with, its own sum, its policy's file.

    `version` is None where a run was gated that was not registered yet.
    """

    path: Path
    sha256: str
    decision: str
    content_sha256: str
    champion: str | None
    policy: str
    version: str | None = None

    def is_about(self, manifest: Manifest) -> bool:
        """Whether these very files were gated. The same adapter on another base is another version."""
        same_files = self.content_sha256 == manifest.content_sha256
        return same_files and self.version in {None, manifest.version}


def read_evidence(path: Path) -> Evidence:
    """Read `report.json`. Raises TuneError where it is missing or not a report."""
    try:
        content = path.read_bytes()
        report = _Report.model_validate_json(content)
    except FileNotFoundError:
        raise TuneError(f"{path} is missing: run `repartee-tune gate`") from None
    except ValidationError as error:
        raise TuneError(f"{path} is no gate report: {error.errors()[0]['msg']}") from None
    return Evidence(
        path,
        sha256(content).hexdigest(),
        report.decision,
        report.candidate.content_sha256,
        report.champion.version if report.champion else None,
        report.policy.file,
        report.candidate.version,
    )


def find_evidence(gates: Path, manifest: Manifest) -> Evidence | None:
    """Return the newest report about a version's files under `gates`, passed or not."""
    reports = sorted(gates.glob(f"*/{REPORT}"), key=lambda path: path.stat().st_mtime, reverse=True)
    return next((found for found in _readable(reports) if found.is_about(manifest)), None)


def check_evidence(evidence: Evidence | None, manifest: Manifest, champion: str | None) -> None:
    """Raise TuneError unless the report passed, is about these files and compared with this champion."""
    if evidence is None:
        raise TuneError("no gate report for this version: run `repartee-tune gate`, or --force with --reason")
    if not evidence.is_about(manifest):
        raise TuneError(
            f"{evidence.path} is about other files than this version's: run the gates for this version"
        )
    if evidence.decision != "passed":
        raise TuneError(
            f"the gates did not pass ({evidence.decision}): read {evidence.path}, or --force with --reason"
        )
    if evidence.champion != champion:
        raise TuneError(
            f"the gates compared with {evidence.champion or 'no champion'}, "
            f"the champion is {champion or 'none'}: run the gates again"
        )


def _readable(paths: list[Path]) -> Iterator[Evidence]:
    for path in paths:
        try:
            yield read_evidence(path)
        except TuneError:
            continue  # a report of another format says nothing about this version
