"""What a machine or a recipe cannot do is said before rows are read and weights are loaded."""

import importlib.machinery
from importlib import util

import pytest
import torch
from transformers import TrainerControl, TrainerState

from repartee_tune import run_preconditions
from repartee_tune.errors import TuneError
from repartee_tune.recipe_options import ModelOptions
from repartee_tune.run_callbacks import WarmsUpInTime
from repartee_tune.run_preconditions import check_batch_is_filled, check_machine, check_world
from tests.unit.repartee_tune.tiny_rows import tiny_recipe


def _without(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    def find(name: str) -> importlib.machinery.ModuleSpec | None:
        return None if name == package else util.find_spec(name)

    monkeypatch.setattr(run_preconditions, "find_spec", find)


def test_qlora_needs_bitsandbytes(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_recipe("dpo", "qlora").model
    check_machine(model)
    _without(monkeypatch, "bitsandbytes")
    with pytest.raises(TuneError, match=r"qlora needs bitsandbytes: pip install 'repartee\[tune\]', or lora"):
        check_machine(model)


def test_flash_attention_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    _without(monkeypatch, "flash_attn")
    fields = tiny_recipe("sft").model.model_dump()
    with pytest.raises(TuneError, match="flash_attention_2 needs flash-attn: install it, or write sdpa"):
        check_machine(ModelOptions.model_validate({**fields, "attention": "flash_attention_2"}))


def test_a_gpu_without_bfloat16_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation)
    check_machine(tiny_recipe("dpo", "lora").model)
    with pytest.raises(TuneError, match="this GPU has no bfloat16"):
        check_machine(tiny_recipe("dpo", "qlora").model)


def test_several_gpus_in_one_process_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(TuneError, match="set CUDA_VISIBLE_DEVICES=0, or launch one per GPU"):
        check_world(tiny_recipe("dpo"), 1)


def test_a_batch_larger_than_the_data_is_refused() -> None:
    check_batch_is_filled(tiny_recipe("dpo"), 8)
    with pytest.raises(TuneError, match="has 7 rows to train on, fewer than"):
        check_batch_is_filled(tiny_recipe("dpo"), 7)


@pytest.mark.parametrize(("warmup", "refused"), [(0.1, False), (39, False), (40, True)])
def test_a_warm_up_as_long_as_the_run_is_refused(warmup: float, refused: bool) -> None:
    class Arguments:
        def get_warmup_steps(self, steps: int) -> int:
            return int(warmup) if warmup >= 1 else int(warmup * steps)

    state = TrainerState(max_steps=40)
    if refused:
        with pytest.raises(TuneError, match="warmup of 40 steps leaves none of the run's 40"):
            WarmsUpInTime().on_train_begin(Arguments(), state, TrainerControl())  # type: ignore[arg-type]
    else:
        WarmsUpInTime().on_train_begin(Arguments(), state, TrainerControl())  # type: ignore[arg-type]
