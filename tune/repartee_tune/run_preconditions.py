"""What must hold before a run is claimed: the processes asked for, and a machine that can train."""

import os
from importlib.util import find_spec

import torch
from accelerate import PartialState

from repartee_tune.errors import TuneError
from repartee_tune.recipe import TextRecipe
from repartee_tune.recipe_options import ModelOptions

DISTRIBUTED_TYPES = {
    "single": {"NO"},
    "ddp": {"MULTI_GPU", "MULTI_CPU"},
    "fsdp2": {"FSDP"},
    "zero3": {"DEEPSPEED"},
}


def check_world(recipe: TextRecipe, expected: int) -> None:
    """Compare with what the launcher really started: some silently start one process."""
    found = PartialState(cpu=not torch.cuda.is_available()).num_processes
    if found != expected:
        raise TuneError(
            f"--world-size is {expected}, but {found} process(es) were started: start as many as you say, "
            "or say as many as you start"
        )
    if found == 1 and torch.cuda.device_count() > 1:
        raise TuneError(
            "several GPUs are visible to one process: set CUDA_VISIBLE_DEVICES=0, or launch one per GPU"
        )
    batch = recipe.optimiser.per_device_batch_size * expected
    if recipe.optimiser.effective_batch_size % batch:
        raise TuneError(
            f"optimiser.effective_batch_size {recipe.optimiser.effective_batch_size} is no multiple of "
            f"{batch} "
            f"(per_device_batch_size x {expected} processes)"
        )


def check_batch_is_filled(recipe: TextRecipe, rows: int) -> None:
    """The trainer would silently take smaller batches, and other steps than the recipe says."""
    batch = recipe.optimiser.effective_batch_size
    if rows < batch:
        raise TuneError(
            f"train.jsonl has {rows} rows to train on, fewer than optimiser.effective_batch_size {batch}: "
            "lower it, or make more rows"
        )


def check_strategy(strategy: str, found: str) -> None:
    """Some launchers silently give DDP where sharding was asked for, as on a CPU."""
    if found not in DISTRIBUTED_TYPES[strategy]:
        raise TuneError(
            f"--strategy {strategy} was asked for, and the launcher gave {found}: see docs/training.md"
        )


def check_machine(model: ModelOptions) -> None:
    """Refuse what this machine or its packages cannot do, before rows are read and weights are loaded."""
    if model.adaptation == "qlora" and find_spec("bitsandbytes") is None:
        raise TuneError("model.adaptation qlora needs bitsandbytes: pip install 'repartee[tune]', or lora")
    if model.attention == "flash_attention_2" and find_spec("flash_attn") is None:
        raise TuneError("model.attention flash_attention_2 needs flash-attn: install it, or write sdpa")
    if (model.autocast or model.dtype == "bfloat16") and not _computes_bfloat16():
        raise TuneError(
            "this GPU has no bfloat16 (Ampere and newer have): write model.dtype float32 and autocast false"
        )


def _computes_bfloat16() -> bool:
    """A CPU always does: slowly where it has no instructions for it."""
    return not torch.cuda.is_available() or torch.cuda.is_bf16_supported(including_emulation=False)


def fsdp_checkpoints_activations() -> bool:
    """Whether FSDP does the activation checkpointing itself: both together gather the weights twice."""
    return os.environ.get("FSDP_ACTIVATION_CHECKPOINTING", "").lower() == "true"
