"""`ChatModel` over transformers, in this process: a folder with a model, or with an adapter and its base.

One generation at a time in the whole process, in a thread of its own: on a CPU two at once would be slower
than one after the other, and torch has one random state. For many users at once there are servers such as
vLLM.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any, Final

import jinja2
import structlog
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LogitsProcessorList, StoppingCriteriaList
from transformers.utils.logging import disable_progress_bar

from repartee.application.ports import ChatModel, Completion, Prompt, Sampling, Usage
from repartee.domain.errors import (
    ConfigurationError,
    UpstreamError,
    UpstreamInvalid,
    UpstreamMisconfigured,
    UpstreamRateLimited,
    UpstreamRefusedRequest,
    UpstreamUnavailable,
)
from repartee.integrations.transformers_pieces import Pieces, TokenPenalties
from repartee.integrations.transport import Upstream

_log = structlog.get_logger(__name__)

_DEFAULT_TOKENS: Final = 400
_SEEDS: Final = 2**63
_ONE_AT_A_TIME: Final = threading.Lock()

Said = str | Completion | UpstreamError


class TransformersChatModel(ChatModel):
    """A model of this process. More than `queue` waiting requests are refused.

    A reply ends with one of the model's end tokens, a stop string (which is taken out), or at `max_tokens`.
    Without a temperature the folder's own generation settings hold. Raises ConfigurationError where the
    folder cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        upstream: Upstream,
        *,
        base: Path | None = None,
        name: str | None = None,
        attempt_timeout: float = 25.0,
        queue: int = 8,
        threads: int | None = None,
    ) -> None:
        if threads:
            torch.set_num_threads(threads)
        self._tokenizer, self._model = _loaded(folder, base)
        self._ends = _end_tokens(self._tokenizer, self._model)
        self._positions: int = getattr(self._model.config, "max_position_embeddings", None) or 2**31
        self._name = name or folder.name
        self._upstream = upstream
        self._dependency = upstream.dependency
        self._attempt_timeout = attempt_timeout
        self._places = queue + 1
        self._taken: set[Pieces] = set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="repartee-model")

    @property
    def name(self) -> str:
        """The version's id, or the folder's name."""
        return self._name

    async def complete(self, prompt: Prompt, sampling: Sampling) -> Completion:
        """Return the whole answer. Raises UpstreamError."""
        return await self._upstream.call(lambda: self._completed(prompt, sampling))

    def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[str | Completion, None]:
        """Yield the answer in pieces, then whole. Raises UpstreamError; closing it ends the generation."""
        return self._upstream.stream(lambda: self._streamed(prompt, sampling), self._attempt_timeout)

    async def check(self) -> None:
        """Nothing can be unreachable here."""

    async def close(self) -> None:
        """End what is being generated."""
        for pieces in list(self._taken):
            pieces.cancel()
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

    async def _completed(self, prompt: Prompt, sampling: Sampling) -> Completion:
        async with (
            self._upstream.translated(self._attempt_timeout),
            aclosing(self._streamed(prompt, sampling)) as pieces,
        ):
            async for piece in pieces:
                if isinstance(piece, Completion):
                    return piece
        raise UpstreamInvalid(f"{self._dependency} ended before the reply", self._dependency)

    async def _streamed(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[str | Completion, None]:
        said: asyncio.Queue[Said] = asyncio.Queue()
        pieces = self._begin(prompt, sampling, _crossing(asyncio.get_running_loop(), said))
        try:
            while True:
                async with self._upstream.translated(self._attempt_timeout):
                    piece = await said.get()
                if isinstance(piece, UpstreamError):
                    raise piece
                yield piece
                if isinstance(piece, Completion):
                    return
        finally:
            pieces.cancel()

    def _begin(self, prompt: Prompt, sampling: Sampling, tell: Callable[[Said], None]) -> Pieces:
        if sampling.model not in {None, self._name}:
            raise UpstreamMisconfigured(f"{self._dependency} has only {self._name}", self._dependency)
        wanted = sum(not pieces.cancelled for pieces in tuple(self._taken))
        if wanted >= self._places:
            raise UpstreamRateLimited(
                f"{self._dependency} has {wanted} requests in work and waiting", self._dependency, 1.0
            )
        pieces = Pieces(self._tokenizer, sampling.stop, tell)
        self._taken.add(pieces)

        def done(_: "Future[None]") -> None:
            self._taken.discard(pieces)

        self._thread.submit(self._told, prompt, sampling, pieces, tell).add_done_callback(done)
        return pieces

    def _told(self, prompt: Prompt, sampling: Sampling, pieces: Pieces, tell: Callable[[Said], None]) -> None:
        """Generate in the thread; whatever becomes of it is told to the loop."""
        try:
            with _ONE_AT_A_TIME:
                if not pieces.cancelled:
                    tell(self._generated(prompt, sampling, pieces))
        except UpstreamError as error:
            tell(error)
        except jinja2.TemplateError:
            tell(
                UpstreamRefusedRequest(
                    f"{self._dependency}: the chat template does not take these roles, give the model a "
                    "profile (REPARTEE_PROMPT__MODEL_PROFILES)",
                    self._dependency,
                )
            )
        except Exception as error:  # noqa: BLE001  # torch has no error class of its own
            _log.error("the model in this process failed", kind=type(error).__name__)
            tell(UpstreamUnavailable(f"{self._dependency} failed in this process", self._dependency))

    def _generated(self, prompt: Prompt, sampling: Sampling, pieces: Pieces) -> Completion:
        asked = self._tokenizer.apply_chat_template(
            [{"role": message.role, "content": message.content} for message in prompt.messages],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        ).to(self._model.device)
        length = asked["input_ids"].shape[1]
        room = min(sampling.max_tokens or _DEFAULT_TOKENS, self._positions - length)
        if room < 1:
            raise UpstreamRefusedRequest(
                f"{self._dependency}: the prompt is too long for the model", self._dependency
            )
        if sampling.seed is not None:
            torch.manual_seed((sampling.seed + sampling.choice) % _SEEDS)
        self._model.generate(
            **asked,
            max_new_tokens=room,
            streamer=pieces,
            stopping_criteria=StoppingCriteriaList([pieces.may_stop]),
            logits_processor=LogitsProcessorList([TokenPenalties.of(sampling, length)]),
            pad_token_id=self._tokenizer.pad_token_id or self._ends[0],
            eos_token_id=self._ends,
            **_randomness(sampling),
        )
        ended = pieces.stopped or bool(pieces.tokens and pieces.tokens[-1] in self._ends)
        if not pieces.close().strip():
            raise UpstreamInvalid(f"{self._dependency} answered without text", self._dependency)
        return Completion(
            text=pieces.text,
            model=self._name,
            finish_reason="stop" if ended else "length",
            usage=Usage(length, len(pieces.tokens)),
        )


def _crossing(loop: asyncio.AbstractEventLoop, said: "asyncio.Queue[Said]") -> Callable[[Said], None]:
    def tell(piece: Said) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it who asked
            loop.call_soon_threadsafe(said.put_nowait, piece)

    return tell


def _randomness(sampling: Sampling) -> dict[str, Any]:
    """Return what makes the choice of tokens random: answers after the first always are, to differ."""
    if sampling.temperature == 0:
        return {"do_sample": False}
    chosen = {"temperature": sampling.temperature, "top_p": sampling.top_p}
    given = {name: value for name, value in chosen.items() if value is not None}
    return {"do_sample": True, **given} if given or sampling.choice else {}


def _loaded(folder: Path, base: Path | None) -> tuple[Any, Any]:
    """Return tokenizer and model. Nothing is fetched, no pickle is opened, no code of the folder is run."""
    is_adapter = (folder / "adapter_config.json").is_file()
    if is_adapter and base is None:
        raise ConfigurationError(f"{folder} is an adapter: set REPARTEE_LLM__BASE_FOLDER, or merge it")
    weights = base if is_adapter and base else folder
    named = folder if (folder / "tokenizer_config.json").is_file() else weights
    if not (weights / "config.json").is_file():
        raise ConfigurationError(f"{weights} is no model: it has no config.json")
    disable_progress_bar()  # type: ignore[no-untyped-call]  # it would write between the lines of the log
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(str(named), local_files_only=True)
        model: Any = AutoModelForCausalLM.from_pretrained(
            str(weights), local_files_only=True, use_safetensors=True, dtype="auto"
        )
        if is_adapter:
            from peft import PeftModel  # noqa: PLC0415  # seconds, and only adapters need it

            model = PeftModel.from_pretrained(model, str(folder))
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigurationError(f"{folder} cannot be loaded: {str(error).splitlines()[0]}") from None
    if not tokenizer.chat_template:
        raise ConfigurationError(f"{named} has no chat template: it is no chat model")
    return tokenizer, model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _end_tokens(tokenizer: Any, model: Any) -> list[int]:
    named = model.generation_config.eos_token_id
    configured = named if isinstance(named, list) else [named]
    return sorted({one for one in (*configured, tokenizer.eos_token_id) if one is not None})
