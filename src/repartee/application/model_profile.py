"""What a model may be sent, as data: the first profile whose pattern fits the model's id holds."""

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from repartee.application.ports import Sampling

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ProfileSampling(BaseModel):
    """Settings of the model where neither the request nor the operator chose any."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)


class ModelProfile(BaseModel):
    """One kind of model.

    `match`: patterns of ids, such as `*claude*`, in any letter case. `system`: whether system messages may
    stand anywhere or at the start only. `alternation`: `strict` where user and assistant must take turns,
    the user first. `tail_role`: who says the last instructions. `cache_control`: whether the server wants to
    be told which part of the prompt comes again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: tuple[Pattern, ...] = Field(default=("*",), min_length=1)
    system: Literal["anywhere", "first_only"] = "anywhere"
    alternation: Literal["any", "strict"] = "any"
    tail_role: Literal["system", "user"] = "system"
    cache_control: bool = False
    sampling: ProfileSampling = ProfileSampling()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.alternation == "strict" and self.system == "anywhere":
            raise ValueError("alternation: strict needs system: first_only")
        if self.system == "first_only" and self.tail_role == "system":
            raise ValueError("system: first_only needs tail_role: user")
        return self

    def fits(self, model: str) -> bool:
        """Say whether the profile is for this model."""
        return any(fnmatchcase(model.lower(), pattern.lower()) for pattern in self.match)

    def filled(self, sampling: Sampling) -> Sampling:
        """Return the settings with the profile's where nobody chose any."""
        added = {
            name: value
            for name, value in self.sampling
            if value is not None and getattr(sampling, name) is None
        }
        return replace(sampling, **added) if added else sampling


class ModelProfiles(BaseModel):
    """Profiles in the order in which they are tried; a model that none fits may get anything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profiles: tuple[ModelProfile, ...] = Field(default=(), max_length=1_000)

    def of(self, model: str) -> ModelProfile:
        """Return the first profile that fits."""
        return next((profile for profile in self.profiles if profile.fits(model)), ModelProfile())
