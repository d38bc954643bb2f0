"""Every loss with every adaptation: a loss that falls, margins that rise, a model that loads and writes."""

import json
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from repartee_tune.merging import merge_adapter
from tests.unit.repartee_tune.tiny_rows import LIBRARY_WARNINGS, tiny_recipe, write_dataset
from tests.unit.repartee_tune.tiny_training import train_in

pytestmark = [pytest.mark.filterwarnings(warning) for warning in LIBRARY_WARNINGS]
CASES = [(trainer, how) for trainer in ("sft", "dpo", "kto") for how in ("full", "lora", "qlora")]


def _writes(model_folder: Path) -> str:
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype="float32")
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Кот?"}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    out = model.generate(**ids, max_new_tokens=8, do_sample=False)
    return str(tokenizer.decode(out[0, ids["input_ids"].shape[1] :]))


@pytest.mark.parametrize(("trainer", "adaptation"), CASES)
def test_trains_merges_reloads_and_writes(
    tmp_path: Path, tiny_base: Path, trainer: str, adaptation: str
) -> None:
    data = write_dataset(tmp_path / "data", trainer)
    trained = train_in(tmp_path / "run", tiny_recipe(trainer, adaptation), data, tiny_base)

    assert trained.health.passed, trained.health
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    losses = [line["eval_loss"] for line in lines if "eval_loss" in line]
    assert losses[-1] < losses[0] - 0.01
    model = tmp_path / "run" / "model"
    assert not [p for p in model.rglob("*") if p.suffix in {".bin", ".pt", ".pth"}]
    if adaptation != "full":
        config = json.loads((model / "adapter_config.json").read_text())
        assert config["base_model_name_or_path"] == "base"
        model = merge_adapter(model, tiny_base, tmp_path / "merged", dtype="float32")
    assert _writes(model)
