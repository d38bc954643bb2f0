"""The file of safety texts."""

from pathlib import Path
from typing import Final

import yaml
from pydantic import ValidationError

from repartee.application.safety_texts import SafetyTexts
from repartee.domain.errors import ConfigurationError

_VARIABLE: Final = "REPARTEE_SAFETY__TEXTS"


def load_safety_texts(shipped: Path, own: Path | None) -> SafetyTexts:
    """Return the operator's texts over the shipped ones. Raises ConfigurationError that names the fix."""
    texts = _read(shipped)
    return _read(own).over(texts) if own else texts


def _read(path: Path) -> SafetyTexts:
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{_VARIABLE}: {path} cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigurationError(f"{_VARIABLE}: {path} is not YAML: see prompts/safety.yaml") from None
    try:
        return SafetyTexts.model_validate(read)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigurationError(f"{_VARIABLE}: {place} in {path.name}: {first['msg']}") from None
