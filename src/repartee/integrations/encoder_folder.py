"""A sentence encoder's folder, as sentence-transformers and its ONNX exports lay it out, read and checked."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from tokenizers import Tokenizer

from repartee.domain.errors import ConfigurationError

FIX: Final = (
    "REPARTEE_EMBEDDER__FOLDER has to hold a sentence encoder: model.onnx or onnx/model.onnx, "
    "tokenizer.json, config.json, and what the model came with: 1_Pooling/config.json, modules.json, …"
)
_MODELS: Final = ("model.onnx", "onnx/model.onnx")
_MAX_TOKENS: Final = 512
_COUNT_POSITIONS_FROM_2: Final = {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet"}
_KNOWN_MODULES: Final = {"Transformer", "Pooling", "Normalize"}

Pooling = Literal["mean", "cls", "last"]
_POOLINGS: Final[dict[str, Pooling]] = {
    "mean": "mean",
    "mean_tokens": "mean",
    "cls": "cls",
    "cls_token": "cls",
    "lasttoken": "last",
}
_OBJECT: Final = TypeAdapter(dict[str, Any])
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EncoderChoices:
    """What overrides the folder's own files; None leaves it to them. `model` is a path inside the folder."""

    model: str | None = None
    pooling: Pooling | None = None
    query_prefix: str | None = None
    document_prefix: str | None = None


class _Config(BaseModel):
    model_type: str = ""
    vocab_size: int = Field(ge=1)
    max_position_embeddings: int = Field(default=_MAX_TOKENS, ge=10)
    pad_token_id: int | None = Field(default=None, ge=0)


class _Reading(BaseModel):
    """`sentence_bert_config.json`"""

    max_seq_length: int | None = Field(default=None, ge=8)
    do_lower_case: bool = False


class _Prompts(BaseModel):
    """`config_sentence_transformers.json`"""

    prompts: dict[str, str] = {}
    default_prompt_name: str | None = None

    def named(self, *names: str) -> str:
        """Return the first of these prompts that there is, else the default one, else nothing."""
        wanted = (*names, self.default_prompt_name or "")
        return next((self.prompts[name] for name in wanted if name in self.prompts), "")


class _Module(BaseModel):
    type: str
    path: str = ""

    @property
    def kind(self) -> str:
        return self.type.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class EncoderFolder:
    """What was read: the tokenizer is set up, `filler` pads, prefixes stand before each text."""

    folder: Path
    model: Path
    tokenizer: Tokenizer
    filler: int
    max_tokens: int
    lower: bool
    query_prefix: str
    document_prefix: str

    @property
    def slug(self) -> str:
        """The folder's name as the beginning of a profile's id."""
        return re.sub(r"[^a-z0-9]+", "-", self.folder.name.lower()).strip("-")[:60] or "encoder"

    def revision(self, *parts: object) -> str:
        """Return a short hash of all that decides what vectors come out; the caller's own parts with it."""
        digest = hashlib.sha256()
        said = [*parts, self.max_tokens, self.lower, self.filler, self.query_prefix, self.document_prefix]
        digest.update(json.dumps(said).encode())
        for path in (self.folder / "tokenizer.json", *_model_files(self.model)):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()[:8]


def read_encoder_folder(folder: Path, chosen: EncoderChoices) -> EncoderFolder:
    """Read and check the files. Raises ConfigurationError."""
    folder = folder.resolve()
    config = _read(folder / "config.json", TypeAdapter(_Config))
    reading = _optional(folder / "sentence_bert_config.json", TypeAdapter(_Reading), _Reading())
    prompts = _optional(folder / "config_sentence_transformers.json", TypeAdapter(_Prompts), _Prompts())
    max_tokens = _max_tokens(config, reading)
    return EncoderFolder(
        folder=folder,
        model=_model(folder, chosen.model),
        tokenizer=_tokenizer(folder, config, max_tokens),
        filler=config.pad_token_id or 0,
        max_tokens=max_tokens,
        lower=reading.do_lower_case,
        query_prefix=_first(chosen.query_prefix, prompts.named("query")),
        document_prefix=_first(chosen.document_prefix, prompts.named("document", "passage")),
    )


def read_pooling(folder: Path, chosen: Pooling | None) -> Pooling:
    """Return how token vectors become one. Raises ConfigurationError where that cannot be told or done."""
    modules = _optional(folder / "modules.json", TypeAdapter(list[_Module]), [])
    for module in modules:
        if module.kind not in _KNOWN_MODULES:
            raise ConfigurationError(
                f"modules.json in {folder} has a {module.kind} module, which cannot be run here: take "
                "another encoder, or an export of the whole encoder, with the output sentence_embedding"
            )
    if chosen:
        return chosen
    place = next((module.path for module in modules if module.kind == "Pooling"), "1_Pooling")
    path = folder / place / "config.json"
    if not path.is_file():
        raise ConfigurationError(
            f"There is no {place}/config.json in {folder}: copy it from where the model came from, or set "
            "REPARTEE_EMBEDDER__POOLING to mean, cls or last, as the model was trained"
        )
    return _pooling(path)


def _pooling(path: Path) -> Pooling:
    content = _read(path, _OBJECT)
    modes = list(_modes(content))
    if len(modes) != 1 or modes[0] not in _POOLINGS or content.get("include_prompt") is False:
        without_prompt = ["include_prompt=false"] if content.get("include_prompt") is False else []
        asked = ", ".join([*modes, *without_prompt]) or "nothing"
        raise ConfigurationError(
            f"{path} asks for {asked}, but only mean, cls and last-token pooling of the whole text can be run"
        )
    return _POOLINGS[modes[0]]


def _modes(content: dict[str, Any]) -> Iterator[str]:
    """Yield the modes that are switched on, in the older spelling (a switch each) or the newer (one name)."""
    if isinstance(content.get("pooling_mode"), str):
        yield content["pooling_mode"]
        return
    for name, value in content.items():
        if name.startswith("pooling_mode_") and value is True:
            yield name.removeprefix("pooling_mode_")


def _model(folder: Path, chosen: str | None) -> Path:
    names = (chosen,) if chosen else _MODELS
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    if found is None:
        fix = "REPARTEE_EMBEDDER__MODEL_FILE names a file inside that folder" if chosen else FIX
        raise ConfigurationError(f"There is no {' or '.join(names)} in {folder}: {fix}")
    return found


def _model_files(model: Path) -> list[Path]:
    """Return the model and the files that its larger weights lie in."""
    return [model, *sorted(model.parent.glob(f"{model.name}[._]data*"))]


def _max_tokens(config: _Config, reading: _Reading) -> int:
    reserved = 2 if config.model_type in _COUNT_POSITIONS_FROM_2 else 0
    positions = config.max_position_embeddings - reserved
    return min(reading.max_seq_length or _MAX_TOKENS, positions, _MAX_TOKENS)


def _tokenizer(folder: Path, config: _Config, max_tokens: int) -> Tokenizer:
    content = _content(folder / "tokenizer.json")
    try:
        tokenizer = Tokenizer.from_buffer(content)
    except Exception as error:  # the library raises no narrower one
        raise ConfigurationError(f"tokenizer.json in {folder} cannot be read: {FIX}") from error
    if tokenizer.get_vocab_size() > config.vocab_size:
        raise ConfigurationError(
            f"tokenizer.json in {folder} knows more tokens than config.json says the model has: {FIX}"
        )
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def _first(setting: str | None, own: str) -> str:
    return own if setting is None else setting


def _optional(path: Path, kind: TypeAdapter[T], absent: T) -> T:
    return _read(path, kind) if path.is_file() else absent


def _read(path: Path, kind: TypeAdapter[T]) -> T:
    content = _content(path)
    try:
        return kind.validate_json(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"{f'{field} in ' if field else ''}{path} cannot be used: {FIX}") from None


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise ConfigurationError(f"There is no {path.name} in {path.parent}: {FIX}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}): {FIX}") from None
