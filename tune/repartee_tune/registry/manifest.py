"""What is written about a version: where its files come from and what they have to be."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final, Literal, Self, get_args

import orjson
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from repartee_tune.errors import TuneError

Kind = Literal["generator", "embedder", "reranker", "moderator"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
PREFIXES: Final[dict[Kind, str]] = {
    "generator": "gen",
    "embedder": "emb",
    "reranker": "rer",
    "moderator": "mod",
}
VERSION_PATTERN: Final = r"(gen|emb|rer|mod)-\d{8}-[0-9a-f]{12}"
MANIFEST: Final = "manifest.json"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
VersionId = Annotated[str, StringConstraints(pattern=f"^{VERSION_PATTERN}$")]


class Record(BaseModel):
    """A part of what is kept: frozen, no unknown field."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FileRecord(Record):
    """One file of a version: its path inside the folder with `/`, its sum, its size in bytes."""

    path: str
    sha256: Sha256
    size: int


class Base(Record):
    """The model that was tuned.

    `id` is a hub name, or `registry:<kind>/<version>`; never a path of a machine.
    """

    id: str
    revision: str | None = None
    sha256: Sha256 | None = None


class Origin(Record):
    """Where a version comes from. All of it but `eval_run` and `parent` is part of the version's identity.

    `datasets` are ids under `var/datasets`; `parent` is the version that was champion when this one was made.
    """

    base: Base | None = None
    datasets: tuple[str, ...] = ()
    recipe_sha256: Sha256 | None = None
    run: str | None = None
    eval_run: str | None = None
    parent: VersionId | None = None


class Manifest(Record):
    """`manifest.json` of a version. `content_sha256` names the files however their base is called."""

    format: Literal[1] = 1
    version: VersionId
    kind: Kind
    created: datetime
    by: str
    why: str
    content_sha256: Sha256
    files: tuple[FileRecord, ...]
    origin: Origin

    @property
    def size(self) -> int:
        """Return the bytes of all files."""
        return sum(file.size for file in self.files)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a manifest. Raises TuneError where it is missing or not one."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise TuneError(f"{path} is missing: this is no version") from None
        except ValidationError as error:
            raise TuneError(f"{path} is no manifest: {error.errors()[0]['msg']}") from None

    def as_json(self) -> bytes:
        """Return the file's content."""
        return orjson.dumps(
            self.model_dump(mode="json"), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        )


def identity(kind: Kind, files: tuple[FileRecord, ...], origin: Origin) -> str:
    """Return the 64 digits that tell two versions apart: the same files, base, data and recipe are the same
    version.
    """
    known = origin.model_dump(mode="json", exclude={"eval_run", "parent", "run"})
    known |= {"kind": kind, "files": [file.model_dump() for file in files]}
    return sha256(orjson.dumps(known, option=orjson.OPT_SORT_KEYS)).hexdigest()


def version_id(kind: Kind, digest: str, now: datetime | None = None) -> str:
    """Return a name that people can read: kind, day (UTC), the identity's first 12 digits."""
    return f"{PREFIXES[kind]}-{(now or datetime.now(UTC)):%Y%m%d}-{digest[:12]}"
