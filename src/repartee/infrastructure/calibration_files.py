"""Whose thresholds hold, where a calibration is looked for, and what makes one unfit."""

from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from repartee.application.ports import EmbedderProfile
from repartee.domain.calibration import Calibration, calibration_file_name
from repartee.domain.errors import ConfigurationError
from repartee.infrastructure.settings import Settings


def calibrated(profile: EmbedderProfile, settings: Settings) -> EmbedderProfile:
    """Return the profile with the operator's threshold, else with those of its calibration, else its own.

    Raises ConfigurationError for a calibration that does not fit.
    """
    if settings.embedder.threshold is not None:
        return replace(profile, threshold=settings.embedder.threshold, thresholds={})
    found = read_calibration(settings.calibration_folder, profile.id)
    return replace(profile, thresholds={**profile.thresholds, **found.thresholds}) if found else profile


def read_calibration(folder: Path, profile_id: str) -> Calibration | None:
    """Return what the folder holds for an embedder's profile, None where it holds nothing for it.

    Raises ConfigurationError for a file that cannot be used or is another profile's.
    """
    path = folder / calibration_file_name(profile_id)
    try:
        found = Calibration.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise _unfit(path, f"cannot be used ({_reason(error)})") from None
    if found.profile != profile_id:
        raise _unfit(path, f"is of the profile {found.profile}, not of {profile_id}")
    return found


def _unfit(path: Path, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path} {what}: delete it, and write it again with `repartee-eval retrieval --sweep --write`"
    )


def _reason(error: OSError | ValidationError) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    field = ".".join(map(str, first["loc"]))
    return f"{field}: {first['msg']}" if field else "it is no JSON object"
