"""LoRA DPO on a model of a billion parameters, beside TRL's own defaults on the same card."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from peft import LoraConfig
from trl import DPOConfig, DPOTrainer

from repartee_tune.metrics_log import read_metrics
from repartee_tune.recipe import DPORecipe, load_recipe
from repartee_tune.tiny_model import TinyModelSize, build_tiny_chat_model
from tests.unit.repartee_tune.tiny_rows import LIBRARY_WARNINGS, make_rows, write_rows
from tests.unit.repartee_tune.tiny_training import train_in

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU: speed and memory of LoRA DPO"),
    *(pytest.mark.filterwarnings(warning) for warning in LIBRARY_WARNINGS),
]
BILLION = TinyModelSize(
    hidden=2048, layers=16, heads=16, key_value_heads=8, intermediate=8192, vocabulary=510
)


def _peak_bytes(work: Callable[[], object]) -> int:
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    work()
    return torch.cuda.max_memory_allocated()


def _tokens_per_second(log: list[dict[str, Any]]) -> float:
    tokens = max(line["num_tokens"] for line in log if "num_tokens" in line)
    return float(tokens / log[-1]["train_runtime"])


@pytest.mark.timeout(600)
def test_the_recipe_takes_less_memory_than_plain_defaults(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    rows = make_rows("dpo", 128)
    for row in rows:
        row["prompt"][-1]["content"] *= 20
    texts = [turn["content"] for row in rows for key in ("prompt", "chosen") for turn in row[key]]
    base = build_tiny_chat_model(tmp_path / "base", texts, size=BILLION)
    data = write_rows(tmp_path / "data", rows[:96], rows[96:])
    recipe = load_recipe(
        "dpo-lora", ["optimiser.effective_batch_size=8", "optimiser.per_device_batch_size=8"]
    )
    assert isinstance(recipe, DPORecipe)
    assert recipe.model.lora is not None
    adapter = LoraConfig(r=recipe.model.lora.rank, target_modules="all-linear", task_type="CAUSAL_LM")
    columns = [{key: row[key] for key in ("prompt", "chosen", "rejected")} for row in rows[:96]]
    arguments = DPOConfig(
        output_dir=str(tmp_path / "plain"), num_train_epochs=1, report_to="none", logging_steps=1
    )
    plain = DPOTrainer(
        str(base), args=arguments, train_dataset=Dataset.from_list(columns), peft_config=adapter
    )

    plain_bytes = _peak_bytes(plain.train)
    plain_speed = _tokens_per_second(plain.state.log_history)
    plain.model.to("cpu")
    ours_bytes = _peak_bytes(lambda: train_in(tmp_path / "run", recipe, data, base))
    ours_speed = _tokens_per_second(read_metrics(tmp_path / "run"))

    record_property("plain: tokens/s, GiB", (plain_speed, plain_bytes / 2**30))
    record_property("dpo-lora: tokens/s, GiB", (ours_speed, ours_bytes / 2**30))
    assert ours_bytes < plain_bytes
