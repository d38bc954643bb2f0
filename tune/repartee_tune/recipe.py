"""What a training recipe may say: a YAML file of these fields, each number with its reason beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import yaml
from pydantic import (
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from repartee_tune.errors import TuneError
from repartee_tune.recipe_sections import Recipe, Section
from repartee_tune.small_recipes import EmbedderRecipe, ModerationRecipe, RerankerRecipe

RECIPES = Path(__file__).parent / "recipes"


class LoraOptions(Section):
    """Low-rank adaptation: what is added to the frozen weights."""

    rank: PositiveInt
    alpha: PositiveInt
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    target_modules: Literal["all-linear"] | tuple[str, ...] = "all-linear"

    @model_validator(mode="after")
    def _no_output_head(self) -> Self:
        if self.target_modules != "all-linear" and "lm_head" in self.target_modules:
            raise ValueError("lm_head cannot be adapted: the loss reads it in chunks; use all-linear")
        return self


class ModelOptions(Section):
    """Which weights are trained, and in what precision.

    `dtype` is the precision the weights are loaded in; `autocast` runs the matrix products in bfloat16.
    """

    adaptation: Literal["full", "lora", "qlora"]
    dtype: Literal["bfloat16", "float32"]
    autocast: bool
    lora: LoraOptions | None = None
    attention: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"

    @model_validator(mode="after")
    def _lora_where_adapted(self) -> Self:
        if (self.adaptation == "full") != (self.lora is None):
            raise ValueError("lora: give rank and alpha for lora and qlora, and leave it out for full")
        return self


class DataOptions(Section):
    """How rows become batches. `max_length` is in tokens, template and reply included."""

    max_length: Annotated[int, Field(ge=16)]
    trim: bool = False
    near_identical: Annotated[float, Field(gt=0, le=1)] = 0.85


class OptimiserOptions(Section):
    """Steps of AdamW. `effective_batch_size` is over all processes and accumulation steps, in rows."""

    learning_rate: PositiveFloat
    epochs: PositiveFloat
    effective_batch_size: PositiveInt
    per_device_batch_size: PositiveInt
    warmup: Annotated[float, Field(ge=0)] = 0.1
    scheduler: Literal["linear", "cosine", "constant_with_warmup"] = "cosine"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_gradient_norm: PositiveFloat = 1.0
    activation_checkpointing: bool = True

    @model_validator(mode="after")
    def _whole_batches(self) -> Self:
        if self.effective_batch_size % self.per_device_batch_size:
            raise ValueError("effective_batch_size must be a multiple of per_device_batch_size")
        return self


class ReportOptions(Section):
    """How often, in optimiser steps, a run logs, evaluates and saves."""

    log_every: PositiveInt = 10
    evaluate_every: PositiveInt = 100
    save_every: PositiveInt = 100
    keep_checkpoints: PositiveInt = 2


class HealthLimits(Section):
    """What a healthy run stays within. `chosen_drop` is in nats per reply token."""

    chosen_drop: PositiveFloat = 0.15
    minimum_margin: float = 0.0


class TextRecipe(Recipe):
    """A recipe that trains a language model on rows of chat."""

    needs_pairs: ClassVar[bool] = False

    model: ModelOptions
    data: DataOptions
    optimiser: OptimiserOptions
    report: ReportOptions = ReportOptions()
    health: HealthLimits = HealthLimits()


class SFTRecipe(TextRecipe):
    """Supervised fine-tuning on replies."""

    trainer: Literal["sft"]


class DPORecipe(TextRecipe):
    """DPO on pairs: `loss` maps TRL's names to weights, `beta` is the strength of the KL term."""

    needs_pairs = True

    trainer: Literal["dpo"]
    loss: dict[str, PositiveFloat] = Field(default_factory=lambda: {"sigmoid": 1.0, "sft": 0.2}, min_length=1)
    beta: PositiveFloat = 0.1
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    length_desensitisation: Annotated[float, Field(ge=0, le=1)] | None = None
    precompute_reference: bool = False


class KTORecipe(TextRecipe):
    """Kahneman-Tversky optimisation on single replies that were liked or not.

    `auto` weights the rarer class up so that both pull alike.
    """

    trainer: Literal["kto"]
    loss: Literal["kto", "apo_zero_unpaired"] = "kto"
    beta: PositiveFloat = 0.1
    desirable_weight: PositiveFloat | Literal["auto"] = "auto"
    undesirable_weight: PositiveFloat | Literal["auto"] = "auto"
    precompute_reference: bool = False

    @model_validator(mode="after")
    def _neighbours_in_batch(self) -> Self:
        if self.optimiser.per_device_batch_size < 2:
            raise ValueError(
                "optimiser.per_device_batch_size must be over 1: KTO's KL term compares rows of a batch"
            )
        return self


class RewardRecipe(TextRecipe):
    """A reward model (Bradley-Terry) on pairs; a column `margin` is the judge's score gap."""

    needs_pairs = True

    trainer: Literal["reward"]
    centre_rewards: Annotated[float, Field(ge=0)] = 0.01


RECIPE_TYPES: dict[str, type[Recipe]] = {
    "sft": SFTRecipe,
    "dpo": DPORecipe,
    "kto": KTORecipe,
    "reward": RewardRecipe,
    "embedder": EmbedderRecipe,
    "reranker": RerankerRecipe,
    "moderation": ModerationRecipe,
}


def shipped_recipes() -> list[str]:
    """Return the names of the recipes in the package, sorted."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def load_recipe(name_or_path: str, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe: a file, or a shipped one by name. `changes` are `dotted.key=value`, the value in YAML.

    Raises TuneError naming the field and what is wrong with it.
    """
    path = Path(name_or_path)
    if not path.suffix and not path.exists():
        path = RECIPES / f"{name_or_path}.yaml"
    if not path.is_file():
        raise TuneError(
            f"no recipe {name_or_path}: give a YAML file or one of {', '.join(shipped_recipes())}"
        )
    content = _read_mapping(path)
    for change in changes:
        _apply(content, change)
    return parse_recipe(content, str(name_or_path))


def parse_recipe(content: Mapping[str, Any], source: str) -> Recipe:
    """Check the fields of a recipe; `source` is named in the error."""
    kind = RECIPE_TYPES.get(str(content.get("trainer")))
    if kind is None:
        raise TuneError(f"{source}: trainer must be one of {', '.join(sorted(RECIPE_TYPES))}")
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise TuneError(f"{source}: {field or 'recipe'}: {first['msg']}") from None


class _UniqueKeys(yaml.SafeLoader):
    """YAML keeps the last of two equal keys; a recipe with two learning rates is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if double := next((key for key in keys if keys.count(key) > 1), None):
            raise TuneError(f"line {node.start_mark.line + 1}: the key {double} is given twice")
        return super().construct_mapping(node, deep)


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TuneError(f"{path}: not YAML: {error}") from None
    if not isinstance(content, dict):
        raise TuneError(f"{path}: a recipe is a mapping of fields")
    return content


def _apply(content: dict[str, Any], change: str) -> None:
    key, equals, value = change.partition("=")
    if not equals or not key:
        raise TuneError(f"--set {change}: write key=value, such as optimiser.epochs=2")
    *parents, last = key.split(".")
    for parent in parents:
        content = content.setdefault(parent, {})
        if not isinstance(content, dict):
            raise TuneError(f"--set {change}: {parent} is a value, not a section")
    content[last] = yaml.safe_load(value)
