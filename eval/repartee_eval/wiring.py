"""The one module of evaluation that puts parts of the service together, from the service's own settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from repartee.application.compose_prompt import ComposePrompt
from repartee.application.generate_reply import GenerateReply
from repartee.application.ports import Embedder, Moderator, Reranker
from repartee.domain.errors import ConfigurationError
from repartee.infrastructure.container import make_container
from repartee.infrastructure.settings import Settings, load_settings
from repartee_eval.replies import Replier


@asynccontextmanager
async def open_embedder(
    folder: Path | None = None, kind: Literal["local", "folder"] = "folder"
) -> AsyncIterator[Embedder]:
    """Open the embedder that the service would use here, and close it at the end; nothing else is opened.

    With a `folder` the encoder in it, read as `kind` says. Raises ConfigurationError where there is none.
    """
    settings = load_settings()
    if folder is not None:
        chosen = settings.embedder.model_copy(update={"kind": kind, "folder": folder, "model_file": None})
        settings = settings.model_copy(update={"embedder": chosen})
    container = make_container(settings)
    try:
        yield await container.get(Embedder)
    finally:
        await container.close()


@asynccontextmanager
async def open_moderator(folder: Path) -> AsyncIterator[Moderator]:
    """Open the classifier in a folder as the service would. Raises ConfigurationError."""
    settings = load_settings()
    chosen = settings.moderation.model_copy(update={"folder": folder})
    container = make_container(settings.model_copy(update={"moderation": chosen}))
    try:
        moderator: Moderator | None = await container.get(Moderator | None)
        if moderator is None:
            raise ConfigurationError(f"{folder} holds no classifier")
        yield moderator
    finally:
        await container.close()


def runs_folder() -> Path:
    """Return where runs are kept that no folder was named for. Raises ConfigurationError."""
    return load_settings().data_dir / "runs"


def calibration_folder() -> Path:
    """Return where the service that is configured here looks for calibrations. Raises ConfigurationError."""
    return load_settings().calibration_folder


def characters_folder() -> Path:
    """Return where the service that is configured here finds its characters. Raises ConfigurationError."""
    return load_settings().characters_folder


@dataclass(frozen=True, slots=True)
class Reranking:
    """A reranker, how many of the nearest facts it gets, and the relevance that a used fact must exceed."""

    reranker: Reranker
    candidates: int
    threshold: float | None


@asynccontextmanager
async def open_reranking(
    candidates: int | None = None, threshold: float | None = None, folder: Path | None = None
) -> AsyncIterator[Reranking]:
    """Open the reranker that the service would use here, or the one in `folder`, and close it at the end.

    What is not given is as configured. Raises ConfigurationError where the settings give no reranker.
    """
    settings = load_settings()
    if folder is not None:
        chosen = settings.rerank.model_copy(update={"kind": "local", "folder": folder})
        settings = settings.model_copy(update={"rerank": chosen})
    container = make_container(settings)
    try:
        reranker: Reranker | None = await container.get(Reranker | None)
        if reranker is None:
            raise ConfigurationError("there is no reranker to measure: set REPARTEE_RERANK__KIND")
        yield Reranking(
            reranker,
            settings.rerank.candidates if candidates is None else candidates,
            settings.rerank.threshold if threshold is None else threshold,
        )
    finally:
        await container.close()


@dataclass(frozen=True, slots=True)
class ModelAddress:
    """A model that writes replies: `offline`, a name at the service's own server, or `http://host/v1#name`."""

    name: str
    base_url: str | None = None

    @classmethod
    def parse(cls, text: str) -> "ModelAddress":
        """Read what a person wrote. Raises ConfigurationError."""
        if not text.startswith(("http://", "https://")):
            return cls(text)
        base_url, _, name = text.partition("#")
        if not name:
            raise ConfigurationError(f"{base_url}: name the model too, as {base_url}#MODEL")
        return cls(name, base_url)

    def __str__(self) -> str:
        return f"{self.base_url}#{self.name}" if self.base_url else self.name

    @property
    def is_offline(self) -> bool:
        """Whether it is the offline responder, which is no language model."""
        return self.name == "offline" and self.base_url is None


@asynccontextmanager
async def open_replies(
    model: ModelAddress, *, attempt_seconds: float, temperature: float | None = None, seed: int = 0
) -> AsyncIterator[Replier]:
    """Open the service's own reply path with this model, and close it at the end.

    Nothing is recorded, and facts have a folder that nobody else uses: a replay must not read what the user
    said after the moment that is replayed. Raises ConfigurationError.
    """
    settings = load_settings()
    with TemporaryDirectory(prefix="repartee-eval-") as folder:
        container = make_container(_replaying(settings, model, Path(folder), attempt_seconds))
        try:
            yield Replier(
                await container.get(GenerateReply),
                str(model),
                (await container.get(ComposePrompt)).fingerprint,
                settings.llm.max_tokens,
                settings.llm.temperature if temperature is None else temperature,
                seed,
            )
        finally:
            await container.close()


def _replaying(settings: Settings, model: ModelAddress, folder: Path, attempt_seconds: float) -> Settings:
    if model.is_offline:
        llm = settings.llm.model_copy(update={"base_url": None, "api_key": None, "model": None})
    else:
        llm = settings.llm.model_copy(
            update={"model": model.name, "base_url": model.base_url or settings.llm.base_url}
        )
        if llm.is_offline:
            raise ConfigurationError(
                f"{model.name}: set REPARTEE_LLM__BASE_URL or REPARTEE_LLM__API_KEY, "
                f"or give http://…/v1#{model.name}"
            )
    return settings.model_copy(
        update={
            "llm": llm.model_copy(update={"attempt_seconds": attempt_seconds, "allowed_models": ""}),
            "data_dir": folder,
            "qdrant": settings.qdrant.model_copy(update={"url": None}),
            "events": settings.events.model_copy(update={"enabled": False}),
            "reply": settings.reply.model_copy(update={"deadline_seconds": attempt_seconds}),
        }
    )
