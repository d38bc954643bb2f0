"""What the loss sees, read from the batches that TRL makes of our rows."""

import json
import re
import shutil
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trl

from repartee_tune.base_model import load_chat_tokens
from repartee_tune.errors import TuneError
from repartee_tune.recipe import TextRecipe, parse_recipe
from repartee_tune.stop_token import stop_token_is_trained
from repartee_tune.training_run import TrainingRun, open_run
from tests.unit.repartee_tune.tiny_rows import (
    LIBRARY_WARNINGS,
    conversation,
    recipe_fields,
    tiny_recipe,
    write_dataset,
    write_rows,
)
from tests.unit.repartee_tune.tiny_training import train_in

pytestmark = [pytest.mark.filterwarnings(warning) for warning in LIBRARY_WARNINGS]


def test_the_methods_that_compute_the_losses_are_called_what_we_say() -> None:
    scripts = [
        import_module(f"repartee_tune.trainers.{name}").__doc__ for name in ("sft", "dpo", "kto", "reward")
    ]
    page = (Path(__file__).parents[4] / "docs" / "training.md").read_text("utf-8")
    named = set(re.findall(r"`(\w+Trainer)\.(\w+)`", "".join([*map(str, scripts), page])))
    assert len(named) >= 4
    assert all(method in vars(getattr(trl, trainer)) for trainer, method in named), named


@pytest.fixture
def trainers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Trainers as our scripts made them, in place of their training."""
    made: list[Any] = []
    monkeypatch.setattr(TrainingRun, "fit", lambda _, trainer, *__, **___: made.append(trainer))
    return made


def _make(out: Path, recipe: TextRecipe, data: Path, base: Path) -> None:
    run = open_run(recipe, data=data, base=base, out=out)
    import_module(f"repartee_tune.trainers.{recipe.trainer}").train(recipe, run)


def _with_stop_as_padding(base: Path, to: Path) -> Path:
    shutil.copytree(base, to)
    path = to / "tokenizer_config.json"
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**content, "pad_token": content["eos_token"]}), "utf-8")
    return to


@pytest.mark.parametrize("trainer", ["sft", "dpo", "kto"])
def test_the_stop_token_is_trained_though_it_pads_too(
    tmp_path: Path, tiny_base: Path, trainers: list[Any], trainer: str
) -> None:
    base = _with_stop_as_padding(tiny_base, tmp_path / "base")
    _make(tmp_path / "run", tiny_recipe(trainer), write_dataset(tmp_path / "data", trainer), base)
    stops = load_chat_tokens(base).stop_ids
    assert trainers[0].processing_class.pad_token_id in stops
    assert stop_token_is_trained(trainers[0], stops)
    assert not stop_token_is_trained(trainers[0], {0, 3})


def test_conversations_train_the_replies_and_not_the_users_words(
    tmp_path: Path, tiny_base: Path, trainers: list[Any]
) -> None:
    random = Random(0)
    rows = [conversation(random) for _ in range(16)]
    _make(tmp_path / "run", tiny_recipe("sft"), write_rows(tmp_path / "data", rows, rows[:8]), tiny_base)
    labels = trainers[0].data_collator([trainers[0].train_dataset[0]])["labels"][0]
    learned = trainers[0].processing_class.decode(labels[labels != -100])
    assert learned == rows[0]["messages"][-1]["content"] + "<|im_end|>"


def test_a_stop_token_outside_of_the_reply_marks_is_refused(tmp_path: Path, tiny_base: Path) -> None:
    base = Path(shutil.copytree(tiny_base, tmp_path / "base"))
    template = base / "chat_template.jinja"
    inside = "{{ message['content'] + '<|im_end|>' }}{% endgeneration %}"
    outside = "{{ message['content'] }}{% endgeneration %}{{ '<|im_end|>' }}"
    text = template.read_text("utf-8")
    assert inside in text
    template.write_text(text.replace(inside, outside), "utf-8")
    rows = [conversation(Random(0))] * 8
    with pytest.raises(TuneError, match="leaves the stop token outside"):
        train_in(tmp_path / "run", tiny_recipe("sft"), write_rows(tmp_path / "data", rows, rows), base)


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_weights_are_loaded_in_the_precision_that_the_recipe_says(
    tmp_path: Path, tiny_base: Path, trainers: list[Any], precision: str
) -> None:
    """TRL loads a model that is named by a path in float32, whatever it was stored in."""
    fields = recipe_fields("dpo", "full")
    recipe = parse_recipe({**fields, "model": {**fields["model"], "dtype": precision}}, "test")
    assert isinstance(recipe, TextRecipe)
    _make(tmp_path / "run", recipe, write_dataset(tmp_path / "data", "dpo"), tiny_base)
    assert {str(weight.dtype) for weight in trainers[0].model.parameters()} == {f"torch.{precision}"}
    assert {str(weight.dtype) for weight in trainers[0].ref_model.parameters()} == {f"torch.{precision}"}
