"""Rows and recipes small enough to train in a test."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from repartee_tune.recipe import TextRecipe, parse_recipe

WORDS = ("кот", "чай", "дождь", "сад", "поезд", "книга", "море", "лес", "tea", "rain", "train", "garden")
# Libraries using what other libraries have deprecated: nothing of ours to change.
LIBRARY_WARNINGS = (
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning",  # peft and trl on transformers 5.23
)
LORA = {"rank": 4, "alpha": 8}


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def pair(random: Random) -> dict[str, Any]:
    first, second = random.sample(WORDS, 2)
    return {
        "prompt": [_turn("system", "Ты Лёва."), _turn("user", f"Что ты думаешь про {first}?")],
        "chosen": [_turn("assistant", f"Люблю {first} и {second}.")],
        "rejected": [_turn("assistant", f"As an AI model I cannot discuss {first}.")],
        "source": "test",
    }


def feedback(random: Random) -> dict[str, Any]:
    row = pair(random)
    label = random.random() < 0.5
    return {"prompt": row["prompt"], "completion": row["chosen" if label else "rejected"], "label": label}


def demonstration(random: Random) -> dict[str, Any]:
    row = pair(random)
    return {"prompt": row["prompt"], "completion": row["chosen"]}


def conversation(random: Random) -> dict[str, Any]:
    row = pair(random)
    return {"messages": [*row["prompt"], *row["chosen"]]}


ROWS: Mapping[str, Callable[[Random], dict[str, Any]]] = {
    "dpo": pair,
    "reward": pair,
    "kto": feedback,
    "sft": demonstration,
}


def make_rows(kind: str, count: int, seed: int = 0) -> list[dict[str, Any]]:
    random = Random(seed)
    return [ROWS[kind](random) for _ in range(count)]


def write_rows(
    folder: Path, train: Sequence[Mapping[str, Any]], evaluation: Sequence[Mapping[str, Any]]
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("train", train), ("eval", evaluation)):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, "utf-8")
    (folder / "manifest.json").write_text("{}", "utf-8")
    return folder


def write_dataset(folder: Path, kind: str) -> Path:
    return write_rows(folder, make_rows(kind, 32), make_rows(kind, 16, seed=1))


def recipe_fields(trainer: str, adaptation: str = "full", **optimiser: Any) -> dict[str, Any]:
    model = {"adaptation": adaptation, "dtype": "float32", "autocast": False}
    if adaptation == "qlora":
        model |= {"dtype": "bfloat16", "autocast": True}
    if adaptation != "full":
        model["lora"] = {**LORA, "dropout": 0.1} if trainer == "sft" else LORA  # others switch it off
    steps = {
        "learning_rate": 1e-3 if adaptation == "full" else 5e-3,
        "epochs": 2,
        "effective_batch_size": 8,
        "per_device_batch_size": 8,
        "warmup": 0,
        "activation_checkpointing": False,
    }
    return {
        "trainer": trainer,
        "description": "as small as it can be",
        "model": model,
        "data": {"max_length": 128},
        "optimiser": {**steps, **optimiser},
        "report": {"log_every": 1, "evaluate_every": 100, "save_every": 4},
        "health": {"chosen_drop": 0.5},
    }


def tiny_recipe(trainer: str, adaptation: str = "full", **optimiser: Any) -> TextRecipe:
    recipe = parse_recipe(recipe_fields(trainer, adaptation, **optimiser), "test")
    assert isinstance(recipe, TextRecipe)
    return recipe
