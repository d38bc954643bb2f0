"""The file of model profiles."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from repartee.application.model_profile import ModelProfiles
from repartee.domain.errors import ConfigurationError

_VARIABLE = "REPARTEE_PROMPT__MODEL_PROFILES"


def load_model_profiles(path: Path) -> ModelProfiles:
    """Return the profiles. Raises ConfigurationError that names the file, the field and the fix."""
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{_VARIABLE}: {path} cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigurationError(
            f"{_VARIABLE}: {path} is not YAML: see prompts/model_profiles.yaml"
        ) from None
    try:
        return ModelProfiles.model_validate(read)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigurationError(f"{_VARIABLE}: {place} in {path.name}: {first['msg']}") from None
