"""The base a trainer starts from: its tokenizer, and how adapters and 4-bit weights are asked for."""

import os
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from transformers import AutoTokenizer, BitsAndBytesConfig, GenerationConfig

from repartee_tune.errors import TuneError
from repartee_tune.recipe_options import ModelOptions
from repartee_tune.row_checks import ChatTokens
from repartee_tune.training_rows import Message

PACKS_FOR_CPU = "support_avx512bf16_for_cpu"


def load_chat_tokens(base: Path) -> ChatTokens:
    """Load the tokenizer and the tokens at which serving stops.

    Raises TuneError where the base has no chat template or no stop token.
    """
    tokenizer = _tokenizer(base)
    if not tokenizer.chat_template:
        raise TuneError(
            f"--base {base}: the tokenizer has no chat template; use an instruct model or add one"
        )
    stops = {tokenizer.eos_token_id}
    if (base / "generation_config.json").is_file():
        configured = GenerationConfig.from_pretrained(base).eos_token_id
        stops = set(configured) if isinstance(configured, list) else stops | {configured}
    if not (stop_ids := frozenset(int(stop) for stop in stops if stop is not None)):
        raise TuneError(f"--base {base}: no eos_token: the model would never stop")
    chat = ChatTokens(tokenizer, stop_ids)
    _check_generation_prompt(chat, base)
    return chat


def _check_generation_prompt(chat: ChatTokens, base: Path) -> None:
    """Without one, what opens a reply would be trained as its first words, and serving would not give it."""
    turn = [Message(role="user", content="x")]
    if chat.prompt(turn) == chat.conversation(turn):
        raise TuneError(
            f"--base {base}: the chat template adds nothing for add_generation_prompt, so serving could not "
            "say where a reply begins: add what opens the assistant's turn"
        )


def _tokenizer(base: Path) -> Any:
    try:
        return AutoTokenizer.from_pretrained(base)
    except Exception as error:  # tokenizers raises bare exceptions
        reason = str(error).split("\n")[0][:200]
        raise TuneError(f"--base {base}: its tokenizer cannot be read: {reason}") from error


def lora_config(model: ModelOptions, task: str) -> LoraConfig | None:
    """Return peft's configuration, None for full training. `task` is CAUSAL_LM or SEQ_CLS."""
    if model.lora is None:
        return None
    modules = model.lora.target_modules
    return LoraConfig(
        r=model.lora.rank,
        lora_alpha=model.lora.alpha,
        lora_dropout=model.lora.dropout,
        target_modules=modules if isinstance(modules, str) else list(modules),
        task_type=task,
        modules_to_save=["score"] if task == "SEQ_CLS" else None,
    )


def quantisation(model: ModelOptions) -> BitsAndBytesConfig | None:
    """Return NF4 with double quantisation for qlora (arXiv 2305.14314), else None."""
    if model.adaptation != "qlora":
        return None
    options: dict[str, Any] = {}
    if os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true":
        # FSDP shards by dtype: 4-bit weights must be stored as what the rest is.
        options["bnb_4bit_quant_storage"] = getattr(torch, model.dtype)
    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]  # none in transformers
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
        **options,
    )


def keep_quantised_layers_differentiable(model: torch.nn.Module) -> None:
    """Keep bitsandbytes from packing 4-bit weights in an evaluation on a CPU with AVX512-BF16.

    It never unpacks them for training, and the packed product has no gradient: after the first evaluation
    the layers below would silently learn nothing (seen with bitsandbytes 0.50.2).
    """
    for module in model.modules():
        if hasattr(module, PACKS_FOR_CPU):
            setattr(module, PACKS_FOR_CPU, False)
