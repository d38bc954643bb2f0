"""An adapter and its base become a plain model."""

import json
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from repartee_tune.errors import TuneError
from repartee_tune.model_folder import rewrite_base


def merge_adapter(adapter: Path, base: Path, out: Path, dtype: str = "bfloat16") -> Path:
    """Add an adapter's weights to its base and write a plain model with its tokenizer to `out`.

    An adapter that was trained on 4-bit weights is merged into the full ones, which are not quite those it
    saw (peft issue 2105): gate what was merged, not the adapter. Raises TuneError where `out` is not empty.
    """
    if not (adapter / "adapter_config.json").is_file():
        raise TuneError(f"{adapter} is not an adapter: it has no adapter_config.json")
    if out.exists() and any(out.iterdir()):
        raise TuneError(f"{out} is not empty: choose another folder")
    settings: dict[str, Any] = {"dtype": getattr(torch, dtype)}
    if json.loads((adapter / "adapter_config.json").read_text("utf-8")).get("task_type") == "SEQ_CLS":
        plain = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1, **settings)
    else:
        plain = AutoModelForCausalLM.from_pretrained(base, **settings)
    merged = PeftModel.from_pretrained(plain, str(adapter)).merge_and_unload(safe_merge=True)
    merged.save_pretrained(out)
    AutoTokenizer.from_pretrained(base).save_pretrained(out)
    rewrite_base(out, base.name)
    return out
