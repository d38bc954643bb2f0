"""Replies from a model folder in this process: a whole model, or an adapter with its base."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final

from repartee_eval.runs.job import CallFailed
from repartee_tune.errors import TuneError
from repartee_tune.gates.responder import Message, Reply, ResponderError

_LOADING: Final = Lock()
"""Two threads that import torch's libraries at once find them half imported."""


class LateTransformersResponder:
    """One model, one reply at a time.

    It is loaded with the first reply: after the gate that checks its files.

    Special tokens that are not the end of the reply stay in its text: a gate has to see them.
    """

    def __init__(
        self, folder: Path, base: Path | None, max_tokens: int, temperature: float, seed: int
    ) -> None:
        self._folder, self._base, self._seed = folder, base, seed
        self._max_tokens = max_tokens
        self._sampling: dict[str, Any] = {"do_sample": temperature > 0}
        if temperature:
            self._sampling["temperature"] = temperature
        self._lock = Lock()
        self._loaded: tuple[Any, Any] | None = None

    async def reply(self, messages: Sequence[Message]) -> Reply:
        """Answer in a thread; calls wait for each other.

        Raises TuneError where the model cannot be loaded, ResponderError for a prompt that it cannot read.
        """
        return await asyncio.to_thread(self._reply, list(messages))

    def _reply(self, messages: list[Message]) -> Reply:
        with self._lock:
            tokenizer, model = self._loaded = self._loaded or self._load()
            prompt = tokenizer.apply_chat_template(
                messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
            ).to(model.device)
            room = self._room(model, prompt["input_ids"].shape[1])
            ends = stop_tokens(tokenizer, model)
            tokens = model.generate(
                **prompt,
                max_new_tokens=room,
                pad_token_id=tokenizer.pad_token_id,
                eos_token_id=ends,
                **self._sampling,
            )
        new = tokens[0, prompt["input_ids"].shape[1] :].tolist()
        stopped = bool(new) and new[-1] in ends
        text = tokenizer.decode(new[:-1] if stopped else new, skip_special_tokens=False)
        return Reply(text, "stop" if stopped else "length")

    def _load(self) -> tuple[Any, Any]:
        with _LOADING:
            return load(self._folder, self._base, self._seed)

    def _room(self, model: Any, length: int) -> int:
        """Return how many tokens may be written. Raises ResponderError for a prompt without room for any."""
        most = getattr(model.config, "max_position_embeddings", None)
        room = self._max_tokens if most is None else min(self._max_tokens, most - length)
        if room < 1:
            said = f"the prompt has {length} tokens, the model reads {most}"
            raise ResponderError(said, CallFailed("refused", said))
        return room


def load(folder: Path, base: Path | None, seed: int) -> tuple[Any, Any]:
    """Return tokenizer and model of a folder; an adapter is put on its base. Nothing is fetched."""
    import torch  # noqa: PLC0415 - seconds, and only needed here
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415 - as above

    adapter = (folder / "adapter_config.json").is_file()
    if adapter and base is None:
        raise TuneError(f"{folder} is an adapter: say where its base is (--base-folder)")
    weights = base if adapter and base else folder
    named = folder if (folder / "tokenizer_config.json").is_file() else weights
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(str(named), local_files_only=True)
        model: Any = AutoModelForCausalLM.from_pretrained(
            str(weights), local_files_only=True, use_safetensors=True
        )
        if adapter:
            from peft import PeftModel  # noqa: PLC0415 - as above

            model = PeftModel.from_pretrained(model, str(folder))
    except (OSError, ValueError, RuntimeError) as error:
        raise TuneError(f"{folder} cannot be loaded: {str(error).splitlines()[0]}") from None
    torch.manual_seed(seed)
    return tokenizer, model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def stop_tokens(tokenizer: Any, model: Any) -> list[int]:
    """Return all tokens that end a reply, as the model's generation settings and the tokenizer name them."""
    named = model.generation_config.eos_token_id
    configured = named if isinstance(named, list) else [named]
    return sorted({one for one in (*configured, tokenizer.eos_token_id) if one is not None})
