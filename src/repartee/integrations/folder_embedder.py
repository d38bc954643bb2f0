"""Any sentence encoder from a folder, on onnxruntime: multilingual ones, too. It needs no torch.

The model takes `input_ids`, `attention_mask` and perhaps `token_type_ids`. It gives `sentence_embedding`, or
`last_hidden_state`, which is then pooled as the folder says.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from repartee.application.ports import Embedder, EmbedderProfile, Vector
from repartee.domain.errors import ConfigurationError, UpstreamInvalid, UpstreamUnavailable
from repartee.integrations.encoder_folder import (
    FIX,
    EncoderChoices,
    EncoderFolder,
    Pooling,
    read_encoder_folder,
    read_pooling,
)
from repartee.integrations.onnx_inference import TokenArray, batches, open_session, padded
from repartee.integrations.query_cache import QueryCache

SCHEME: Final = 1
"""Part of the profile's id: raise it with any change here that changes vectors."""

_NAME: Final = "The encoder in the folder"
_DEPENDENCY: Final = "embedder"
_MAX_CHARACTERS: Final = 4_000
_WHOLE, _TOKENS = "sentence_embedding", "last_hidden_state"
_NEEDED: Final = {"input_ids", "attention_mask"}
_IN_FLOATS: Final = {"session.disable_quant_qdq": "1"}  # so that no processor rounds more than another
_AS_IN_THE_FOLDER: Final = EncoderChoices()

Floats = NDArray[np.float32]
T = TypeVar("T")


class FolderEmbedder(Embedder):
    """Embeds in this process, in two threads of its own. The vectors' size is what the model gives.

    Raises ConfigurationError where `folder` does not hold a sentence encoder that can be run here.
    """

    def __init__(
        self,
        folder: Path,
        threshold: float,
        chosen: EncoderChoices = _AS_IN_THE_FOLDER,
        threads: int = 1,
    ) -> None:
        self._encoder = read_encoder_folder(folder, chosen)
        self._session = _session(self._encoder.model, threads)
        self._inputs = [declared.name for declared in self._session.get_inputs()]
        self._pooling = _pooling(self._encoder, self._session, chosen)
        self._batches, dimension = self._try_out()
        revision = self._encoder.revision(SCHEME, self._pooling)
        self._profile = EmbedderProfile(
            id=f"{self._encoder.slug}-{revision}",
            model=self._encoder.folder.name,
            revision=revision,
            dimension=dimension,
            threshold=threshold,
        )
        self._executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="encoder")
        self._cache = QueryCache()

    @property
    def profile(self) -> EmbedderProfile:
        """The identity of the vectors."""
        return self._profile

    async def embed_query(self, text: str) -> Vector:
        """Return the vector of a message. Raises UpstreamError."""
        [vector] = await self.embed_queries([text])
        return vector

    async def embed_queries(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per message, in order; the latest are kept."""
        return await self._cache.vectors(texts, partial(self._embed, prefix=self._encoder.query_prefix))

    async def embed_facts(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per text, in order. Batches queue one by one, so that messages get in between."""
        return await self._embed(texts, self._encoder.document_prefix)

    async def check(self) -> None:
        """Embed one word. Raises UpstreamError if the runtime fails."""
        await self.embed_facts(["check"])

    async def close(self) -> None:
        """Finish the calculation in progress and stop the threads."""
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def _embed(self, texts: Sequence[str], prefix: str) -> list[Vector]:
        if not texts:
            return []
        rows = await self._in_thread(lambda: [self._read(prefix, text) for text in texts])
        found: dict[int, Vector] = {}
        for batch in self._batches([len(row) for row in rows]):
            units = await self._in_thread(partial(self._units, [rows[index] for index in batch]))
            found.update(zip(batch, units.tolist(), strict=True))
        return [found[index] for index in range(len(texts))]

    def _read(self, prefix: str, text: str) -> list[int]:
        clean = prefix + text[:_MAX_CHARACTERS].encode("utf-8", "replace").decode()
        ids: list[int] = self._encoder.tokenizer.encode(clean.lower() if self._encoder.lower else clean).ids
        return ids or [self._encoder.filler]

    def _units(self, rows: Sequence[Sequence[int]]) -> Floats:
        try:
            vectors = self._run(rows)
        except Exception as error:  # onnxruntime's errors share no other base
            raise UpstreamUnavailable(f"{_NAME} failed: {type(error).__name__}", _DEPENDENCY) from error
        units = _unit(vectors)
        if not np.isfinite(units).all():
            raise UpstreamInvalid(f"{_NAME} returned zeros or numbers that are not finite", _DEPENDENCY)
        return units

    def _run(self, rows: Sequence[Sequence[int]]) -> Floats:
        """Return one vector per row, of any length."""
        ids = padded(rows, self._encoder.filler)
        mask = padded([[1] * len(row) for row in rows])
        arrays = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        wanted = _TOKENS if self._pooling else _WHOLE
        output = self._session.run([wanted], {name: arrays[name] for name in self._inputs})[0]
        made: Floats = output.astype(np.float32)
        return _pooled(made, mask, self._pooling) if self._pooling else made

    def _try_out(self) -> tuple[Callable[[Sequence[int]], Iterator[list[int]]], int]:
        """Embed two texts and the longest possible one. Returns how to batch, and the vectors' size.

        A model that is quantized as it runs scales each batch as a whole, so that a text's vector depends on
        its company: such a one gets one text at a time. Raises ConfigurationError.
        """
        where = self._encoder.model
        if not _NEEDED <= set(self._inputs) <= {*_NEEDED, "token_type_ids"}:
            raise ConfigurationError(f"{where} takes {', '.join(sorted(self._inputs))}: {FIX}")
        rows = [self._read("", text) for text in ("check", "Is learning to play the piano, at last")]
        try:
            together, alone = self._run(rows), [self._run([row]) for row in rows]
            self._run([self._read("", "check " * self._encoder.max_tokens)])
        except Exception as error:
            raise ConfigurationError(f"{where} cannot embed texts ({type(error).__name__}): {FIX}") from error
        if together.ndim != 2 or len(together) != 2:
            raise ConfigurationError(f"{where} answers two texts with shape {together.shape}: {FIX}")
        alike = np.allclose(_unit(together), _unit(np.concatenate(alone)), atol=1e-4, equal_nan=True)
        return batches if alike else _one_by_one, together.shape[1]


def _pooled(states: Floats, mask: TokenArray, pooling: Pooling) -> Floats:
    if pooling == "cls":
        return states[:, 0]
    if pooling == "last":
        last: Floats = states[np.arange(len(states)), mask.sum(axis=1) - 1]
        return last
    weights = mask[:, :, np.newaxis].astype(np.float32)
    mean: Floats = (states * weights).sum(axis=1) / weights.sum(axis=1)
    return mean


def _unit(vectors: Floats) -> Floats:
    with np.errstate(all="ignore"):  # what is not finite afterwards is refused
        units: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units


def _one_by_one(lengths: Sequence[int]) -> Iterator[list[int]]:
    return ([index] for index in range(len(lengths)))


def _session(model: Path, threads: int) -> Any:
    try:
        # By path: weights may lie in a file beside it.
        return open_session(str(model), threads, _IN_FLOATS)
    except Exception as error:  # onnxruntime's errors share no other base
        raise ConfigurationError(f"{model} cannot be opened ({type(error).__name__}): {FIX}") from error


def _pooling(encoder: EncoderFolder, session: Any, chosen: EncoderChoices) -> Pooling | None:
    """Return how to pool, None where the model does it itself."""
    outputs = {declared.name for declared in session.get_outputs()}
    if _WHOLE in outputs:
        return None
    if _TOKENS not in outputs:
        raise ConfigurationError(
            f"{encoder.model} gives {', '.join(sorted(outputs))}, not {_WHOLE} or {_TOKENS}: {FIX}"
        )
    return read_pooling(encoder.folder, chosen.pooling)
