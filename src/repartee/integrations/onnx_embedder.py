"""The local sentence encoder, all-MiniLM-L6-v2 on onnxruntime, built by `make encoder`. It needs no torch.

A vector has two parts. The first is the encoder's: of what is written in Latin letters, and of Russian put
into English word by word (see `russian_gloss`). The second holds hashed words (see `lexical_vector`). English
has zeros there, so that English against English is the encoder's cosine and nothing else. Russian has both:
a gloss loses what a word says exactly. Other scripts have the second only. A text of several kinds divides
its length by its letters.
"""

import asyncio
import hashlib
import math
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, Field, ValidationError
from tokenizers import Tokenizer

from repartee.application.ports import Embedder, EmbedderProfile, Vector
from repartee.domain.errors import ConfigurationError, UpstreamInvalid, UpstreamUnavailable
from repartee.domain.text import Script
from repartee.integrations.lexical_vector import (
    LEXICAL_DIMENSION,
    FloatArray,
    Role,
    cyrillic_share,
    latin_only,
    latin_share,
    lexical_fingerprint,
    lexical_vector,
)
from repartee.integrations.onnx_inference import batches, open_session, padded
from repartee.integrations.query_cache import QueryCache
from repartee.integrations.russian_gloss import gloss_fingerprint, glossed

SCHEME: Final = 2
"""Part of the profile's id: raise it with any change of this file that changes vectors."""

_NAME: Final = "The local encoder"
_DESCRIPTIONS: Final = (
    "encoder.json",
    "manifest.json",
)  # a tuned one's is the first: a registry has the other
_DEPENDENCY: Final = "embedder"
_GLOSSED_SHARE: Final = 0.65  # of a Russian vector the encoder's part: 0.6 to 0.75 measured alike
_MAX_CHARACTERS: Final = 4_000  # far more than the encoder's 256 tokens

T = TypeVar("T")


class _Manifest(BaseModel):
    """What `scripts/build_encoder.py` writes last."""

    format: Literal[1]
    id: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    model: str
    dimension: int = Field(ge=1, le=4096)
    max_tokens: int = Field(ge=8, le=512)
    threshold: float = Field(ge=0, le=1)
    thresholds: dict[Script, Annotated[float, Field(ge=0, le=1)]] = {}
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Reading:
    """A text as the encoder sees it: tokens of what it can read, and how much of the vector they fill."""

    tokens: list[int]
    share: float
    lexical: FloatArray | None


class OnnxEmbedder(Embedder):
    """Embeds in this process, in two threads of its own, about 4 ms per message.

    Raises ConfigurationError where `folder` does not hold the model that its manifest names.
    """

    def __init__(self, folder: Path, threads: int = 1, cache_size: int = 1024) -> None:
        manifest, model, tokenizer = _load(folder)
        self._tokenizer = tokenizer
        self._unreadable = {tokenizer.token_to_id(token) for token in ("[UNK]", "[CLS]", "[SEP]")}
        # Widen the int8 weights at load and calculate in float32: no processor rounds more than another.
        self._session = open_session(model, threads, {"session.disable_quant_qdq": "1"})
        self._dense = manifest.dimension
        revision = _revision(manifest)
        self._profile = EmbedderProfile(
            id=f"{manifest.id}-{revision}",
            model=manifest.model,
            revision=revision,
            dimension=manifest.dimension + LEXICAL_DIMENSION,
            threshold=manifest.threshold,
            thresholds=manifest.thresholds,
        )
        self._executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="encoder")
        self._cache = QueryCache(cache_size)

    @property
    def profile(self) -> EmbedderProfile:
        """The identity of the vectors."""
        return self._profile

    async def embed_query(self, text: str) -> Vector:
        """Return the vector of a message."""
        return (await self.embed_queries([text]))[0]

    async def embed_queries(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per message, in order; the latest are kept."""
        return await self._cache.vectors(texts, lambda missing: self._embedded(missing, "query"))

    async def embed_facts(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per text, in order. Batches queue one by one, so that messages get in between."""
        return await self._embedded(texts, "fact") if texts else []

    async def check(self) -> None:
        """Embed a sentence. Raises UpstreamError if the runtime fails."""
        await self.embed_facts(["Is learning to play the piano"])

    async def close(self) -> None:
        """Finish the calculation in progress and stop the threads."""
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)

    async def _embedded(self, texts: Sequence[str], role: Role) -> list[Vector]:
        readings = await self._in_thread(lambda: [self._read(text, role) for text in texts])
        vectors: dict[int, Vector] = {}
        for batch in batches([len(reading.tokens) for reading in readings]):
            chosen = [readings[index] for index in batch]
            rows = await self._in_thread(partial(self._encode, chosen))
            vectors.update(zip(batch, map(_as_list, rows), strict=True))
        return [vectors[index] for index in range(len(texts))]

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def _read(self, text: str, role: Role) -> _Reading:
        clean = text[:_MAX_CHARACTERS].encode("utf-8", "replace").decode()
        clean = unicodedata.normalize("NFKC", clean)[:_MAX_CHARACTERS]
        latin = latin_share(clean)
        share = _encoder_share(latin, cyrillic_share(clean))
        tokens: list[int] = []
        if share:
            tokens = self._tokenizer.encode(clean if latin == 1.0 else latin_only(glossed(clean))).ids
        if self._unreadable.issuperset(tokens):
            tokens, share = [], 0.0
        return _Reading(tokens, share, lexical_vector(clean, role) if share < 1.0 else None)

    def _encode(self, readings: Sequence[_Reading]) -> FloatArray:
        vectors = np.zeros((len(readings), self._profile.dimension), np.float32)
        with_tokens = [index for index, reading in enumerate(readings) if reading.tokens]
        if with_tokens:
            vectors[with_tokens, : self._dense] = self._run([readings[index].tokens for index in with_tokens])
        for vector, reading in zip(vectors, readings, strict=True):
            vector[: self._dense] *= math.sqrt(reading.share)
            if reading.lexical is not None:
                vector[self._dense :] = reading.lexical * math.sqrt(1.0 - reading.share)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(vectors).all():
            raise UpstreamInvalid(f"{_NAME} returned numbers that are not finite", _DEPENDENCY)
        return vectors

    def _run(self, rows: Sequence[list[int]]) -> FloatArray:
        tokens, mask = padded(rows), padded([[1] * len(row) for row in rows])
        try:
            output: FloatArray = self._session.run(
                ["embedding"], {"input_ids": tokens, "attention_mask": mask}
            )[0]
        except Exception as error:  # onnxruntime's errors share no other base
            raise UpstreamUnavailable(f"{_NAME} failed: {type(error).__name__}", _DEPENDENCY) from error
        return output


def _encoder_share(latin: float, cyrillic: float) -> float:
    """Return how much of a vector the encoder fills; a few letters of another script change nothing."""
    if latin >= 0.75:
        return 1.0
    return latin + _GLOSSED_SHARE * cyrillic if latin + cyrillic > 0.25 else 0.0


def _as_list(vector: FloatArray) -> Vector:
    values: Vector = vector.tolist()
    return values


def _revision(manifest: _Manifest) -> str:
    """Return a short hash of all that decides what vectors come out."""
    parts = [
        str(SCHEME),
        str(manifest.max_tokens),
        manifest.files["model.onnx"],
        manifest.files["tokenizer.json"],
        lexical_fingerprint(),
        gloss_fingerprint(),
    ]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:8]


def _load(folder: Path) -> tuple[_Manifest, bytes, Tokenizer]:
    """Read the model's files, each once, and compare their sums with the manifest's."""
    where = f"{_NAME} in {folder}"
    fix = "delete that folder and run `make encoder`"
    described = next((folder / name for name in _DESCRIPTIONS if (folder / name).is_file()), None)
    if described is None:
        raise ConfigurationError(f"There is no local encoder in {folder}: run `make encoder`")
    try:
        manifest = _Manifest.model_validate_json(described.read_bytes())
        contents = {name: (folder / name).read_bytes() for name in ("model.onnx", "tokenizer.json")}
        wrong = [name for name, data in contents.items() if _sum(data) != manifest.files[name]]
    except (OSError, ValidationError, KeyError) as error:
        raise ConfigurationError(f"{where} cannot be read ({type(error).__name__}): {fix}") from error
    if wrong:
        raise ConfigurationError(f"{where} is damaged ({', '.join(wrong)}): {fix}")
    tokenizer = Tokenizer.from_buffer(contents["tokenizer.json"])
    tokenizer.no_padding()
    tokenizer.enable_truncation(manifest.max_tokens)
    return manifest, contents["model.onnx"], tokenizer


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
