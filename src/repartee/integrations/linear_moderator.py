"""A linear classifier from a folder: `moderator.json` and `model.safetensors`, read with numpy alone."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError

from repartee.application.ports import Moderator
from repartee.application.text_classifier import Label, RunFeatures, TagFound, TextClassifier
from repartee.domain.errors import ConfigurationError

_FIX: Final = "REPARTEE_MODERATION__FOLDER has to hold what `repartee-tune train moderation` wrote to model/"
_DTYPES: Final = {"F16": np.float16, "F32": np.float32}
_LENGTH: Final = 8  # bytes of the header's size, at the beginning of a safetensors file
Chance = Annotated[float, Field(ge=0, le=1)]


class _Label(BaseModel):
    tag: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    level: Literal["mild", "severe"]
    threshold: Chance


class _Description(BaseModel):
    format: Literal[1]
    id: str = Field(pattern=r"^[a-z0-9-]{1,60}$")
    shortest: int = Field(ge=1, le=8)
    longest: int = Field(ge=1, le=8)
    buckets_log2: int = Field(ge=4, le=24)
    max_characters: int = Field(ge=1)
    labels: tuple[_Label, ...] = Field(min_length=1)
    weights_sha256: str


class LinearModerator(Moderator):
    """Labels in the calling thread: a message takes a fraction of a millisecond.

    Raises ConfigurationError where `folder` holds no whole classifier.
    """

    def __init__(self, folder: Path) -> None:
        self._classifier = read_classifier(folder)

    @property
    def name(self) -> str:
        """The classifier's id."""
        return self._classifier.id

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that it knows."""
        return self._classifier.tags

    async def label(self, text: str) -> Mapping[str, TagFound]:
        """Return every tag with its level."""
        return self._classifier.found(text)


def read_classifier(folder: Path) -> TextClassifier:
    """Read a folder. Raises ConfigurationError."""
    try:
        said = _Description.model_validate_json((folder / "moderator.json").read_bytes())
        content = (folder / "model.safetensors").read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be read ({error.strerror}): {_FIX}") from None
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"])) or "the file"
        raise ConfigurationError(f"{field} in {folder}/moderator.json cannot be used: {_FIX}") from None
    if hashlib.sha256(content).hexdigest() != said.weights_sha256:
        raise ConfigurationError(f"{folder}/model.safetensors is damaged: {_FIX}")
    features = RunFeatures(said.shortest, said.longest, said.buckets_log2, said.max_characters)
    found = _tensors(folder, content)
    shapes = {
        "weights": (len(said.labels), features.buckets),
        "bias": (len(said.labels),),
        "idf": (features.buckets,),
    }
    for name, shape in shapes.items():
        if name not in found or found[name].shape != shape or not np.isfinite(found[name]).all():
            raise ConfigurationError(f"{name} in {folder}/model.safetensors is not as described: {_FIX}")
    labels = tuple(Label(one.tag, one.level, one.threshold) for one in said.labels)
    weights, bias, idf = (found[name].astype(np.float32) for name in ("weights", "bias", "idf"))
    return TextClassifier(said.id, features, labels, weights, bias, idf)


def _tensors(folder: Path, content: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of a safetensors file: its header's size, the header in JSON, the numbers."""
    try:
        size = int.from_bytes(content[:_LENGTH], "little")
        header = json.loads(content[_LENGTH : _LENGTH + size])
        data = content[_LENGTH + size :]
        return {
            name: np.frombuffer(data[slice(*one["data_offsets"])], _DTYPES[one["dtype"]]).reshape(
                one["shape"]
            )
            for name, one in header.items()
            if name != "__metadata__"
        }
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{folder}/model.safetensors cannot be read ({type(error).__name__}): {_FIX}"
        ) from None
