from pathlib import Path

import pytest
import yaml

from repartee_tune.errors import TuneError
from repartee_tune.recipe import RECIPES, DPORecipe, TextRecipe, load_recipe, parse_recipe
from tests.unit.repartee_tune.tiny_rows import recipe_fields

TEXT = ("sft-lora", "dpo-lora", "dpo-full", "dpo-qlora", "kto-lora", "reward", "tiny-cpu", "tiny-cpu-sft")


@pytest.mark.parametrize("name", TEXT)
def test_shipped_recipes_load_and_say_why(name: str) -> None:
    recipe = load_recipe(name)
    assert isinstance(recipe, TextRecipe)
    text = (RECIPES / f"{name}.yaml").read_text("utf-8")
    assert text.count("#") >= 5


def test_the_default_dpo_loss_keeps_chosen_replies_likely() -> None:
    recipe = load_recipe("dpo-lora")
    assert isinstance(recipe, DPORecipe)
    assert recipe.loss == {"sigmoid": 1.0, "sft": 0.2}


def test_set_changes_a_field_and_a_wrong_one_is_named() -> None:
    recipe = load_recipe("dpo-lora", ["optimiser.learning_rate=1e-6", "model.lora.rank=8"])
    assert isinstance(recipe, DPORecipe)
    assert recipe.optimiser.learning_rate == 1e-6
    assert recipe.model.lora is not None
    assert recipe.model.lora.rank == 8
    with pytest.raises(TuneError, match=r"optimiser.learning_rat: Extra inputs"):
        load_recipe("dpo-lora", ["optimiser.learning_rat=1"])
    with pytest.raises(TuneError, match="write key=value"):
        load_recipe("dpo-lora", ["optimiser.learning_rate"])
    with pytest.raises(TuneError, match="beta is a value, not a section"):
        load_recipe("dpo-lora", ["beta.more=1"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {"adaptation": "lora", "dtype": "float32", "autocast": False}}, "give rank and alpha"),
        ({"max_prompt_length": 512}, "max_prompt_length: Extra inputs"),
        ({"trainer": "ppo"}, "trainer must be one of"),
        ({"optimiser": {**recipe_fields("kto")["optimiser"], "per_device_batch_size": 1}}, "must be over 1"),
        (
            {"optimiser": {**recipe_fields("kto")["optimiser"], "per_device_batch_size": 3}},
            "must be a multiple",
        ),
    ],
)
def test_what_would_fail_later_fails_here(change: dict[str, object], message: str) -> None:
    with pytest.raises(TuneError, match=message):
        parse_recipe({**recipe_fields("kto"), **change}, "test")


def test_the_output_head_cannot_be_adapted() -> None:
    fields = recipe_fields("dpo", "lora")
    fields["model"]["lora"] = {"rank": 4, "alpha": 8, "target_modules": ["q_proj", "lm_head"]}
    with pytest.raises(TuneError, match="lm_head cannot be adapted"):
        parse_recipe(fields, "test")


def test_a_key_given_twice_and_a_file_that_is_no_recipe_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe_fields("sft")) + "seed: 1\nseed: 2\n", "utf-8")
    with pytest.raises(TuneError, match="the key seed is given twice"):
        load_recipe(str(path))
    path.write_text("- a\n", "utf-8")
    with pytest.raises(TuneError, match="a recipe is a mapping"):
        load_recipe(str(path))
    with pytest.raises(TuneError, match="no recipe dpo-lorra: give a YAML file or one of dpo-full"):
        load_recipe("dpo-lorra")
