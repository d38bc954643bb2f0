import inspect
import re
from pathlib import Path
from typing import get_args

import pytest
import yaml
from trl import DPOTrainer

from repartee_tune.errors import TuneError
from repartee_tune.pair_losses import PairLoss
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


OLD_NAMES = ("max_prompt_length", "warmup_ratio", "rpo_alpha", "reference_free", "packing", "padding_free")


@pytest.mark.parametrize("name", OLD_NAMES)
def test_settings_of_older_recipes_and_of_other_trainers_are_unknown(name: str) -> None:
    for section in ("", "data.", "optimiser."):
        with pytest.raises(TuneError, match=f"{section}{name}: Extra inputs"):
            load_recipe("dpo-lora", [f"{section}{name}=1"])


def test_the_losses_are_those_that_the_installed_trl_computes() -> None:
    source = inspect.getsource(DPOTrainer._compute_loss)
    assert set(re.findall(r'loss_type == "(\w+)"', source)) == set(get_args(PairLoss))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("loss={kto_pair: 1.0}", r"loss\.kto_pair.*should be 'sigmoid', 'hinge'"),
        ("loss={exo_pair: 1.0}", "exo_pair takes the logarithm of label_smoothing"),
        ("label_smoothing=0.1", "label_smoothing is read by none of sigmoid, sft: write 0, or one of aot"),
        ("model.lora.dropout=0.1", "dropout must be 0: TRL switches dropout off for dpo"),
        ("optimiser.learning_rate=.inf", r"optimiser\.learning_rate: Input should be a finite number"),
        ("optimiser.epochs=.nan", r"optimiser\.epochs: Input should be"),
        ("optimiser.epochs=0", r"optimiser\.epochs: Input should be greater than 0"),
        ("health.chosen_drop=.nan", r"health\.chosen_drop: Input should be"),
        ("optimiser.epochs=on", r"epochs is a switch \(true\) and should be a value"),
        ("seed=4294967296", "seed: Input should be less than or equal to 4294967295"),
        ("optimiser.epochs=[1", "the value is not YAML"),
        ("model.lora.rank=5000", r"model\.lora\.rank: Input should be less than or equal to 1024"),
    ],
)
def test_settings_that_would_be_passed_over_or_fail_later_are_named(change: str, message: str) -> None:
    with pytest.raises(TuneError, match=message):
        load_recipe("dpo-lora", [change])


def test_losses_that_sort_a_batch_need_one() -> None:
    with pytest.raises(TuneError, match="aot compares the rows of a batch"):
        load_recipe("dpo-qlora", ["loss={aot: 1.0}"])


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
