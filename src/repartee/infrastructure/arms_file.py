"""The file of arms: which model answers which share of the users, and what answers in the shadow."""

from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from repartee.domain.errors import ConfigurationError
from repartee.domain.experiment import ArmShare, Experiment
from repartee.infrastructure.settings import REGISTRY

VARIABLE = "REPARTEE_ARMS__FILE"
SHADOW = "shadow"
_TAKEN = ("none", SHADOW)

ArmName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]


class ModelEntry(BaseModel):
    """Which model: `model` of the server at `base_url`, or a `folder` in this process, else the service's.

    `model` and `folder` may be names of the registry. `prompts` is a folder of templates.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: str | None = Field(default=None, min_length=1, max_length=200)
    base_url: str | None = Field(default=None, pattern=r"^https?://")
    folder: str | None = Field(default=None, min_length=1)
    base_folder: Path | None = None
    prompts: Path | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.folder and (self.model or self.base_url):
            raise ValueError("folder: leave out model and base_url, or folder")
        if self.base_folder and not self.folder:
            raise ValueError("base_folder: is for a folder only")
        return self

    @property
    def is_own(self) -> bool:
        """Whether the service's own model answers."""
        return not (self.model or self.base_url or self.folder)

    def below(self, folder: Path) -> Self:
        """Return the entry with its paths taken from the folder of the file."""
        model = self.folder
        if model and not model.startswith(REGISTRY):
            model = str(folder / model)
        return self.model_copy(
            update={
                "folder": model,
                "base_folder": self.base_folder and folder / self.base_folder,
                "prompts": self.prompts and folder / self.prompts,
            }
        )


class ArmEntry(ModelEntry):
    """An arm. `share` is the percent of users whom it answers."""

    share: float = Field(ge=0, le=100)


class ShadowEntry(ModelEntry):
    """What answers in the background. `share` is the percent of replies that it answers too."""

    share: float = Field(default=100.0, gt=0, le=100)
    queue: int = Field(default=64, ge=1, le=10_000)
    at_once: int = Field(default=2, ge=1, le=64)
    deadline_seconds: float = Field(default=30.0, gt=0)
    grace_seconds: float = Field(default=2.0, ge=0, le=60)


class ArmsFile(BaseModel):
    """All of it. `default` is the first arm unless named; `nameable` are arms that a request may choose."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    arms: dict[ArmName, ArmEntry] = Field(min_length=1, max_length=8)
    default: ArmName | None = None
    nameable: tuple[ArmName, ...] = ()
    shadow: ShadowEntry | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if taken := [name for name in self.arms if name in _TAKEN]:
            raise ValueError(f"arms: {taken[0]} cannot be the name of an arm")
        if unknown := [name for name in self.nameable if name not in self.arms]:
            raise ValueError(f"nameable: {unknown[0]} is no arm")
        self.drawing()
        return self

    def drawing(self) -> Experiment:
        """Return how users are drawn. Raises ValueError for shares that do not make 100 percent."""
        shares = tuple(ArmShare(name, arm.share) for name, arm in self.arms.items())
        return Experiment(self.experiment, shares, self.default or shares[0].name)


def load_arms(path: Path) -> ArmsFile:
    """Return the arms. Raises ConfigurationError that names the file, the field and the fix."""
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{VARIABLE}: {path} cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigurationError(f"{VARIABLE}: {path} is not YAML: see docs/serving-models.md") from None
    try:
        file = ArmsFile.model_validate(read)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigurationError(f"{VARIABLE}: {place} in {path.name}: {first['msg']}") from None
    arms = {name: arm.below(path.parent) for name, arm in file.arms.items()}
    shadow = file.shadow and file.shadow.below(path.parent)
    return file.model_copy(update={"arms": arms, "shadow": shadow})
