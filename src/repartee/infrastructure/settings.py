"""Every setting, typed. Read once at start from the environment and `.env`; components get values.

Names are `REPARTEE_<SECTION>__<FIELD>`, such as `REPARTEE_LLM__API_KEY`. No secret has a default.
"""

import os
import re
import sys
from pathlib import Path
from typing import Final, Literal, Self

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

import repartee
from repartee.domain.errors import ConfigurationError
from repartee.domain.user import USER_ID_PATTERN

_PREFIX: Final = "REPARTEE_"
OPENROUTER: Final = "https://openrouter.ai/api/v1"
DEFAULT_MODEL_ID: Final = "default"
REGISTRY: Final = "registry:"
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s*?#@]+")
_OF_OTHER_PACKAGES: Final = {"judge"}
_MOST_FALLBACKS: Final = 2
_MOVED: Final = {
    "REPARTEE_COHERE__RERANK": "REPARTEE_RERANK__KIND (false is none)",
    "REPARTEE_COHERE__RERANK_MODEL": "REPARTEE_RERANK__MODEL",
}


def shipped_folder(name: str) -> Path:
    """Return a folder that ships with the service: in the package when installed, else in the checkout."""
    package = Path(repartee.__file__).parent
    inside = package / name
    return inside if inside.is_dir() else package.parents[1] / name


def revealed(secret: SecretStr | None) -> str | None:
    """Return the secret's text, None where it is empty."""
    return (secret.get_secret_value() or None) if secret else None


def _listed(text: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in text.split(",") if entry.strip())


def _arm_and_key(entry: str) -> tuple[str, str]:
    arm, _, key = entry.partition("=")
    return arm.strip(), key.strip()


def _key_and_user(entry: str) -> tuple[str, str]:
    key, _, user_id = entry.partition("=")
    return key.strip(), user_id.strip()


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class LlmSettings(_Section):
    """The model that answers. With neither a key, a base URL nor a folder the offline responder stands in."""

    kind: Literal["auto", "transformers"] = "auto"
    folder: str | None = Field(
        default=None, description="For transformers: a folder, or a name such as registry:generator/champion."
    )
    base_folder: Path | None = Field(default=None, description="The base of a folder that is an adapter.")
    threads: int | None = Field(default=None, ge=1, description="Threads of transformers. Default: torch's.")
    waiting: int = Field(default=8, ge=0, description="Requests that may wait for transformers.")
    api_key: SecretStr | None = None
    base_url: str | None = Field(default=None, pattern=r"^https?://")
    model: str | None = Field(
        default=None, description="Default: openrouter/auto on OpenRouter, else the server's first model."
    )
    allowed_models: str = Field(
        default="", description="Comma-separated; a request may name these. Empty: any."
    )
    fallback_models: str = Field(
        default="", description="Comma-separated, two at most; asked in turn where the model fails."
    )
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int = Field(default=400, ge=1, le=8_192)
    connect_seconds: float = Field(default=2.0, gt=0)
    attempt_seconds: float = Field(default=25.0, gt=0, description="Longest silence in one attempt.")

    piece_delay_seconds: float = Field(
        default=0.0, ge=0, le=5, description="Pause between the offline responder's words in a stream."
    )

    @property
    def is_offline(self) -> bool:
        """Whether no model is configured."""
        if self.kind == "transformers":
            return False
        return not (self.api_key and self.api_key.get_secret_value()) and not self.base_url

    @property
    def takes_first_model(self) -> bool:
        """Whether the server's first model is used, because none is named."""
        has_server = self.kind == "auto" and not self.is_offline
        return has_server and not self.model and self.base_url not in {None, OPENROUTER}

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """The models to ask where the model fails, one by one."""
        return _listed(self.fallback_models)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.fallbacks) > _MOST_FALLBACKS:
            raise ValueError(f"FALLBACK_MODELS: {_MOST_FALLBACKS} at most, a request makes three attempts")
        if self.kind == "transformers" and not self.folder:
            raise ValueError("FOLDER: is needed for KIND=transformers")
        if self.kind == "auto" and (self.folder or self.base_folder):
            raise ValueError("KIND: must be transformers where FOLDER or BASE_FOLDER is set")
        if self.fallbacks and (self.kind != "auto" or (self.model or "").startswith(REGISTRY)):
            raise ValueError("FALLBACK_MODELS: leave it out for transformers and for a name of the registry")
        if self.model and self.model.startswith(REGISTRY) and (self.kind != "auto" or not self.base_url):
            raise ValueError("MODEL: a name of the registry needs BASE_URL; for KIND=transformers set FOLDER")
        return self

    @property
    def nameable_models(self) -> tuple[str, ...]:
        """The models that a request may name, one by one."""
        return _listed(self.allowed_models)


class RegistrySettings(_Section):
    """Where tuned models are registered, and how often their names are looked up."""

    folder: Path | None = Field(default=None, description="Default: registry/ in the data folder.")
    poll_seconds: float = Field(default=5.0, gt=0)


class ArmsSettings(_Section):
    """Which arms answer which share of the users."""

    file: Path | None = Field(
        default=None, description="A YAML file; without it one model answers everybody."
    )
    api_keys: SecretStr | None = Field(default=None, description="arm=key,… of the arms' own servers.")

    @property
    def keys_of_arms(self) -> dict[str, str]:
        """The key of each arm that has one."""
        return dict(_arm_and_key(entry) for entry in _listed(revealed(self.api_keys) or ""))

    @model_validator(mode="after")
    def _check(self) -> Self:
        for place, entry in enumerate(_listed(revealed(self.api_keys) or ""), 1):
            if not all(_arm_and_key(entry)):
                raise ValueError(f"API_KEYS: entry {place} must look like arm=key")
        return self


class EmbedderSettings(_Section):
    """What turns text into vectors. `auto`: Cohere where its key is set, else the local encoder."""

    kind: Literal["auto", "local", "folder", "cohere", "openai"] = "auto"
    model: str | None = None
    base_url: str | None = Field(default=None, pattern=r"^https?://")
    api_key: SecretStr | None = None
    dimension: int | None = Field(default=None, ge=8, le=65_536)
    threshold: float | None = Field(default=None, ge=-1, le=1, description="Overrides the profile's own.")
    calibration: Path | None = Field(default=None, description="Default: calibration/ in the data folder.")
    folder: Path = Path(sys.prefix) / "share" / "repartee" / "all-minilm-l6-v2"
    model_file: str | None = Field(default=None, description="Inside the folder. Default: model.onnx.")
    pooling: Literal["mean", "cls", "last"] | None = None
    query_prefix: str | None = None
    document_prefix: str | None = None
    attempt_seconds: float = Field(default=10.0, gt=0)


class RerankSettings(_Section):
    """A second look at the facts that were found. `auto`: Cohere where its key is set, else none."""

    kind: Literal["auto", "none", "cohere", "http", "local"] = "auto"
    url: str | None = Field(default=None, pattern=r"^https?://", description="The whole address, with path.")
    texts_field: Literal["documents", "texts"] = "documents"
    model: str | None = None
    api_key: SecretStr | None = None
    folder: Path | None = None
    candidates: int = Field(default=16, ge=2, le=100, description="Most facts per message that are reranked.")
    threshold: float | None = Field(default=None, description="Relevance that a reranked fact must exceed.")
    attempt_seconds: float = Field(default=1.0, gt=0)


class CohereSettings(_Section):
    """Cohere's embed and rerank."""

    api_key: SecretStr | None = None
    base_url: str = Field(default="https://api.cohere.com", pattern=r"^https?://")


class QdrantSettings(_Section):
    """A Qdrant server. Without a URL the engine runs inside the process."""

    url: str | None = Field(default=None, pattern=r"^https?://")
    api_key: SecretStr | None = None
    prefer_grpc: bool = False
    grpc_port: int = Field(default=6334, ge=1, le=65_535)
    timeout_seconds: int = Field(default=2, ge=1)
    vectors: Literal["float32", "float16", "int8"] = Field(
        default="float32", description="How a new collection keeps its vectors; int8: on a server only."
    )
    shards: int | None = Field(default=None, ge=1, le=1_000, description="Of a new collection in a cluster.")
    replication: int | None = Field(default=None, ge=1, le=16, description="Copies of each shard.")


class RetrievalSettings(_Section):
    """Retrieval's share of a request, and how facts are chosen."""

    deadline_seconds: float = Field(default=1.5, gt=0)
    candidates: int = Field(default=24, ge=1, le=1_000, description="Facts fetched and judged per message.")
    pinned_limit: int = Field(default=8, ge=0, le=50)
    context_turns: int = Field(
        default=0, ge=0, le=8, description="Turns before the message that are mixed into the query."
    )
    context_decay: float = Field(default=0.5, gt=0, le=1)
    recency_weight: float = Field(default=0.0, ge=0, le=1, description="What an old fact's score loses.")
    recency_half_life_days: float = Field(default=90.0, gt=0)
    use_all_up_to: int = Field(default=0, ge=0, le=200, description="Users with so few facts: use all.")
    drop_near_duplicates: bool = True


class PromptSettings(_Section):
    """The prompt's templates and its room."""

    folder: Path = Field(default_factory=lambda: shipped_folder("prompts"))
    context_tokens: int = Field(default=8_192, ge=512)
    tail_role: Literal["system", "user"] = "system"
    lore_percent: float = Field(default=25.0, ge=0, le=50, description="Lore's share of the context.")
    tokenizer: Path | None = Field(default=None, description="A tokenizer.json; without it: an estimate.")
    model_profiles: Path = Field(default_factory=lambda: shipped_folder("prompts") / "model_profiles.yaml")


class ReplySettings(_Section):
    """One deadline for a whole request."""

    deadline_seconds: float = Field(default=30.0, gt=0)


class ApiSettings(_Section):
    """The HTTP door. Keys are comma-separated; without any, only this machine may connect."""

    host: str = "127.0.0.1"
    port: int = Field(default=8_000, ge=0, le=65_535)
    url: str | None = Field(default=None, pattern=r"^https?://", description="Where the CLI finds the API.")
    keys: SecretStr | None = None
    user_keys: SecretStr | None = Field(default=None, description="key=user_id,…: each opens one user.")
    allowed_origins: str = Field(
        default="", description="Comma-separated origins of web pages that may call."
    )
    allow_anonymous: bool = Field(default=False, description="Serve other machines without keys.")
    page: bool = Field(default=True, description="Show a page at / to try the service.")
    workers: int = Field(default=1, ge=1, le=64, description="Processes behind the one address.")
    max_body_bytes: int = Field(default=1_048_576, ge=1_024)
    max_in_flight: int = Field(default=512, ge=1, description="Requests worked on at the same time.")
    queue: int = Field(default=128, ge=0, description="Requests that may wait for a place.")
    queue_wait_seconds: float = Field(default=0.25, gt=0, description="Longest wait for a place.")
    key_rate: str = Field(default="", description="Requests per key, such as 60/minute; 1000/hour.")
    drain_seconds: float = Field(
        default=0.0, ge=0, description="After SIGTERM, /readyz says 503 this long before the door closes."
    )

    @property
    def accepted_keys(self) -> tuple[str, ...]:
        """The keys, one by one."""
        return _listed(revealed(self.keys) or "")

    @property
    def owners_of_keys(self) -> dict[str, str]:
        """The keys that open one user each, with that user's id."""
        return dict(_key_and_user(entry) for entry in _listed(revealed(self.user_keys) or ""))

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins, one by one."""
        return _listed(self.allowed_origins)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for place, entry in enumerate(_listed(revealed(self.user_keys) or ""), 1):
            key, user_id = _key_and_user(entry)
            if not key or not USER_ID_PATTERN.fullmatch(user_id):
                raise ValueError(f"USER_KEYS: entry {place} must look like key=user_id, without = in the key")
        if shared := set(self.owners_of_keys) & set(self.accepted_keys):
            raise ValueError(f"USER_KEYS: {len(shared)} of the keys are in KEYS too: a key opens one or all")
        if len(self.owners_of_keys) < len(_listed(revealed(self.user_keys) or "")):
            raise ValueError("USER_KEYS: the same key is there twice")
        if any(not _ORIGIN.fullmatch(origin) for origin in self.origins):
            raise ValueError(
                "ALLOWED_ORIGINS: must be origins such as https://risuai.xyz, without a path or *"
            )
        return self


class EventSettings(_Section):
    """The append-only log of replies and feedback. It holds users' words: off by default."""

    enabled: bool = False
    folder: Path | None = Field(default=None, description="Default: events/ in the data folder.")
    max_bytes: int = Field(default=64 * 1024 * 1024, ge=1_024)


class SafetySettings(_Section):
    """What is looked for in messages and replies, and what is told. The words are the operator's."""

    human_question: Literal["off", "instruct", "answer"] = "off"
    self_harm_active: Literal["none", "notice", "interrupt"] = "notice"
    self_harm_passive: Literal["none", "notice", "interrupt"] = "notice"
    texts: Path | None = Field(default=None, description="A YAML file as prompts/safety.yaml is.")
    notice_hours: float = Field(default=3.0, gt=0, le=24)
    minor_notice_hours: float = Field(default=1.0, gt=0, le=24)


class LogSettings(_Section):
    """Logs are JSON lines on standard error, without users' words."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class ModerationSettings(_Section):
    """A classifier that labels every reply in the event log: `model/` of `repartee-tune train moderation`."""

    folder: Path | None = None


class TracingSettings(_Section):
    """OpenTelemetry traces; they need `repartee[otel]` and hold no text."""

    enabled: bool = False
    endpoint: str = Field(default="http://127.0.0.1:4318/v1/traces", pattern=r"^https?://")
    share: float = Field(default=1.0, ge=0, le=1, description="Of the traces that begin here.")


class Settings(BaseSettings):
    """All of it."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    data_dir: Path = Path("var")
    characters_folder: Path = Field(default_factory=lambda: shipped_folder("characters"))
    llm: LlmSettings = LlmSettings()
    arms: ArmsSettings = ArmsSettings()
    registry: RegistrySettings = RegistrySettings()
    embedder: EmbedderSettings = EmbedderSettings()
    rerank: RerankSettings = RerankSettings()
    cohere: CohereSettings = CohereSettings()
    qdrant: QdrantSettings = QdrantSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    prompt: PromptSettings = PromptSettings()
    reply: ReplySettings = ReplySettings()
    api: ApiSettings = ApiSettings()
    events: EventSettings = EventSettings()
    moderation: ModerationSettings = ModerationSettings()
    safety: SafetySettings = SafetySettings()
    log: LogSettings = LogSettings()
    tracing: TracingSettings = TracingSettings()

    @property
    def registry_folder(self) -> Path:
        """Where tuned models are registered."""
        return self.registry.folder or self.data_dir / "registry"

    @property
    def calibration_folder(self) -> Path:
        """Where the thresholds that were measured for embedders are kept."""
        return self.embedder.calibration or self.data_dir / "calibration"


def load_settings(env_file: Path | None = Path(".env")) -> Settings:
    """Return the settings. Raises ConfigurationError that names the variable and what is wrong with it."""
    _refuse_unknown(env_file)
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise ConfigurationError(f"{_variable(first['loc'])}: {first['msg']}") from None


def _variable(location: tuple[int | str, ...]) -> str:
    return _PREFIX + "__".join(str(part).upper() for part in location)


def _refuse_unknown(env_file: Path | None) -> None:
    given = set(os.environ) | set(dotenv_values(env_file) if env_file else ())
    for variable in sorted(name for name in given if name.upper().startswith(_PREFIX)):
        if variable.upper() in _MOVED:
            raise ConfigurationError(f"{variable} has moved: set {_MOVED[variable.upper()]} instead")
        section = variable[len(_PREFIX) :].split("__")[0].lower()
        if section not in Settings.model_fields and section not in _OF_OTHER_PACKAGES:
            raise ConfigurationError(f"{variable} is not a setting: see .env.template for those that are")
