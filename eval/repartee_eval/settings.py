"""Evaluation's own settings, from REPARTEE_JUDGE__… variables and .env, beside those of the service."""

from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from repartee.domain.errors import ConfigurationError

OPENROUTER = "https://openrouter.ai/api/v1"
_PREFIX = "REPARTEE_JUDGE__"


class JudgeSettings(BaseSettings):
    """The model that judges. With neither a key nor a base URL the offline baseline stands in.

    Prices are US dollars per million tokens, for a model that the price list does not know.
    """

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    model: str | None = Field(default=None, description="Needed where there is a key or a base URL.")
    base_url: str | None = Field(default=None, pattern=r"^https?://")
    api_key: SecretStr | None = None
    moderation_api_key: SecretStr | None = Field(
        default=None, description="For `moderate --endpoint`, where its server is not the judge's."
    )
    price_in: float | None = Field(default=None, ge=0)
    price_out: float | None = Field(default=None, ge=0)
    max_in_flight: int = Field(default=16, ge=1, le=4_096)
    attempt_seconds: float = Field(default=60.0, gt=0)
    structured: bool = Field(default=True, description="The server takes response_format json_schema.")
    logprobs: bool = Field(default=False, description="Whether to ask for log-probabilities.")

    @property
    def is_offline(self) -> bool:
        """Whether no judge model is configured."""
        return not (self.api_key and self.api_key.get_secret_value()) and not self.base_url

    @property
    def address(self) -> str:
        """Where calls go: the base URL, else OpenRouter."""
        return self.base_url or OPENROUTER


def load_judge_settings(env_file: Path | None = Path(".env")) -> JudgeSettings:
    """Return the settings. Raises ConfigurationError that names the variable and the fix."""
    try:
        settings = JudgeSettings(_env_file=env_file)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise ConfigurationError(f"{_PREFIX}{str(first['loc'][0]).upper()}: {first['msg']}") from None
    if not settings.is_offline and not settings.model:
        raise ConfigurationError(f"{_PREFIX}MODEL: name the model that judges")
    return settings
