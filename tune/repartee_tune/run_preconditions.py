"""What must hold before a run is claimed: the processes asked for, and a base that can be trained."""

import os
from pathlib import Path

import torch
from accelerate import PartialState

from repartee_tune.errors import TuneError
from repartee_tune.recipe import TextRecipe

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


def check_strategy(strategy: str, found: str) -> None:
    """Some launchers silently give DDP where sharding was asked for, as on a CPU."""
    if found not in DISTRIBUTED_TYPES[strategy]:
        raise TuneError(
            f"--strategy {strategy} was asked for, and the launcher gave {found}: see docs/training.md"
        )


def check_base(base: Path) -> None:
    """Refuse what is no plain model of safetensors."""
    if not (base / "config.json").is_file():
        hint = (
            "merge the adapter first" if (base / "adapter_config.json").is_file() else "give a model's folder"
        )
        raise TuneError(f"--base {base} has no config.json: {hint}")
    if not any(base.glob("*.safetensors")):
        raise TuneError(
            f"--base {base} has no safetensors weights: pickled weights can run code and are refused"
        )


def fsdp_checkpoints_activations() -> bool:
    """Whether FSDP does the activation checkpointing itself: both together gather the weights twice."""
    return os.environ.get("FSDP_ACTIVATION_CHECKPOINTING", "").lower() == "true"
