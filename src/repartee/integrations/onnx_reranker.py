"""A cross-encoder from a folder, on onnxruntime: it reads a message and a fact together. It needs no torch.

The folder is what exporters make of a sequence classifier with one or two classes: `model.onnx` or
`onnx/model.onnx` (inputs `input_ids`, `attention_mask` and perhaps `token_type_ids`, output `logits` of shape
[n, 1] or [n, 2]), `tokenizer.json` and `config.json`.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError
from tokenizers import Encoding, Tokenizer

from repartee.application.ports import Reranker
from repartee.domain.errors import ConfigurationError, UpstreamInvalid, UpstreamUnavailable
from repartee.integrations.onnx_inference import batches, open_session, padded

_NAME: Final = "The local reranker"
_DEPENDENCY: Final = "reranker"
_MODELS: Final = ("model.onnx", "onnx/model.onnx")
_BESIDE: Final = ("tokenizer.json", "config.json")
_FIX: Final = (
    "REPARTEE_RERANK__FOLDER has to hold a cross-encoder: model.onnx or onnx/model.onnx (input_ids, "
    "attention_mask and perhaps token_type_ids to logits [n, 1] or [n, 2]), tokenizer.json and config.json"
)
_NEEDED: Final = {"input_ids", "attention_mask"}
_MAX_CHARACTERS: Final = 4_000
_MAX_TOKENS: Final = 512
_RESERVED_POSITIONS: Final = 2  # RoBERTa's kind counts positions from 2

Logits = NDArray[np.float32]
T = TypeVar("T")


class _Config(BaseModel):
    """What of `config.json` matters here."""

    vocab_size: int = Field(ge=1)
    max_position_embeddings: int = Field(ge=16)
    pad_token_id: int | None = Field(default=None, ge=0)


class OnnxReranker(Reranker):
    """Ranks in this process, in two threads of its own; relevances are from 0 to 1.

    Raises ConfigurationError where `folder` does not hold a cross-encoder.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        model = _model(folder)
        config = _config(folder)
        self._filler = config.pad_token_id or 0
        self._tokenizer = _tokenizer(folder, config)
        self._session = _session(model, threads)
        self._inputs = [declared.name for declared in self._session.get_inputs()]
        self._name = folder.resolve().name
        self._try_out(model)
        self._executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="reranker")

    @property
    def name(self) -> str:
        """The folder's name."""
        return self._name

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return one relevance per text, in order of `texts`. Raises UpstreamError.

        Batches queue one by one: others get in between, and after a deadline no further one is begun.
        """
        if not texts:
            return []
        pairs = await self._in_thread(lambda: [self._read(query, text) for text in texts])
        found: dict[int, float] = {}
        for batch in batches([len(pair) for pair in pairs]):
            scores = await self._in_thread(partial(self._scores, [pairs[index] for index in batch]))
            found.update(zip(batch, scores, strict=True))
        return [found[index] for index in range(len(texts))]

    async def check(self) -> None:
        """Rank one word. Raises UpstreamError if the runtime fails."""
        await self.rerank("check", ["check"])

    async def close(self) -> None:
        """Finish the calculation in progress and stop the threads."""
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def _read(self, query: str, text: str) -> Encoding:
        return self._tokenizer.encode(_readable(query), _readable(text))

    def _scores(self, pairs: Sequence[Encoding]) -> list[float]:
        try:
            logits = self._run(pairs)
        except Exception as error:  # onnxruntime's errors share no other base
            raise UpstreamUnavailable(f"{_NAME} failed: {type(error).__name__}", _DEPENDENCY) from error
        if not np.isfinite(logits).all():
            raise UpstreamInvalid(f"{_NAME} returned numbers that are not finite", _DEPENDENCY)
        wide = logits.astype(np.float64)
        margin = wide[:, -1] - (wide[:, 0] if wide.shape[1] == 2 else 0.0)  # two classes: the second's lead
        scores: list[float] = (0.5 + 0.5 * np.tanh(margin / 2)).tolist()  # the sigmoid, without its overflow
        return scores

    def _run(self, pairs: Sequence[Encoding]) -> Logits:
        rows = {
            "input_ids": padded([pair.ids for pair in pairs], self._filler),
            "attention_mask": padded([pair.attention_mask for pair in pairs]),
            "token_type_ids": padded([pair.type_ids for pair in pairs]),
        }
        logits: Logits = self._session.run(["logits"], {name: rows[name] for name in self._inputs})[0]
        return logits

    def _try_out(self, where: Path) -> None:
        """Rank two texts of unlike length. Raises ConfigurationError."""
        if not _NEEDED <= set(self._inputs) <= {*_NEEDED, "token_type_ids"}:
            raise ConfigurationError(f"{where} takes {', '.join(sorted(self._inputs))}: {_FIX}")
        pairs = [self._read("check", text) for text in ("check", "check once more")]
        try:
            shape = self._run(pairs).shape
        except Exception as error:
            raise ConfigurationError(
                f"{where} cannot rank two texts ({type(error).__name__}): {_FIX}"
            ) from error
        if shape not in {(2, 1), (2, 2)}:
            raise ConfigurationError(f"{where} answers two pairs with logits of shape {shape}: {_FIX}")


def _model(folder: Path) -> Path:
    """Return where the model is. Raises ConfigurationError where a file is missing."""
    missing = [name for name in _BESIDE if not (folder / name).is_file()]
    models = [folder / name for name in _MODELS if (folder / name).is_file()]
    if missing or not models:
        raise ConfigurationError(f"There is no {missing[0] if missing else _MODELS[0]} in {folder}: {_FIX}")
    return models[0]


def _readable(text: str) -> str:
    return text[:_MAX_CHARACTERS].encode("utf-8", "replace").decode()


def _config(folder: Path) -> _Config:
    try:
        return _Config.model_validate_json((folder / "config.json").read_bytes())
    except (OSError, ValidationError) as error:
        field = error.errors()[0]["loc"] if isinstance(error, ValidationError) else ()
        what = f"{'.'.join(map(str, field))} in " if field else ""
        raise ConfigurationError(f"{what}config.json in {folder} cannot be used: {_FIX}") from None


def _tokenizer(folder: Path, config: _Config) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_buffer((folder / "tokenizer.json").read_bytes())
    except Exception as error:  # the library raises no narrower one
        raise ConfigurationError(f"tokenizer.json in {folder} cannot be read: {_FIX}") from error
    if tokenizer.get_vocab_size() > config.vocab_size:
        raise ConfigurationError(
            f"tokenizer.json in {folder} knows more tokens than config.json says the model has: {_FIX}"
        )
    tokenizer.no_padding()
    tokenizer.enable_truncation(min(_MAX_TOKENS, config.max_position_embeddings - _RESERVED_POSITIONS))
    return tokenizer


def _session(model: Path, threads: int) -> Any:
    try:
        return open_session(str(model), threads)  # by path: weights may lie in a file beside it
    except Exception as error:  # onnxruntime's errors share no other base
        raise ConfigurationError(f"{model} cannot be opened ({type(error).__name__}): {_FIX}") from error
