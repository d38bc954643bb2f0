"""Thresholds that were measured for one embedder on labelled messages, and the file that keeps them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from repartee.domain.text import Script

CALIBRATION_FORMAT: Final = 1

Threshold = Annotated[float, Field(ge=-1, le=1)]


def calibration_file_name(profile_id: str) -> str:
    """Return the name of the file for an embedder's profile, whose ids are safe in file names."""
    return f"{profile_id}.json"


class Calibration(BaseModel):
    """A threshold per script, what they were chosen for (`goal`), and on what (`data`, a hash of it).

    `evidence` are the measures at these thresholds per script. Where `test_messages` is 0 they are of the
    messages that the threshold was chosen on, and flatter it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal[1] = CALIBRATION_FORMAT
    profile: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")
    thresholds: Mapping[Script, Threshold] = Field(min_length=1)
    goal: str = Field(min_length=1, max_length=64)
    data: str = Field(min_length=1, max_length=64)
    evidence: Mapping[Script, Mapping[str, float]] = Field(default_factory=dict)
    created_at: datetime

    @property
    def file_name(self) -> str:
        """The file that belongs to the profile."""
        return calibration_file_name(self.profile)
