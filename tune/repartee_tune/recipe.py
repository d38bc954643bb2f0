"""What a training recipe may say: a YAML file of these fields, each number with its reason beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import yaml
from pydantic import (
    Field,
    PositiveFloat,
    ValidationError,
    model_validator,
)

from repartee_tune.errors import TuneError
from repartee_tune.pair_losses import (
    DEFAULT_LOSS,
    PairLoss,
    check_label_smoothing,
    check_sorted_batches,
)
from repartee_tune.recipe_options import (
    DataOptions,
    HealthLimits,
    ModelOptions,
    OptimiserOptions,
    ReportOptions,
)
from repartee_tune.recipe_sections import Recipe
from repartee_tune.small_recipes import EmbedderRecipe, ModerationRecipe, RerankerRecipe

RECIPES = Path(__file__).parent / "recipes"


class TextRecipe(Recipe):
    """A recipe that trains a language model on rows of chat."""

    needs_pairs: ClassVar[bool] = False
    keeps_dropout: ClassVar[bool] = False

    model: ModelOptions
    data: DataOptions
    optimiser: OptimiserOptions
    report: ReportOptions = ReportOptions()
    health: HealthLimits = HealthLimits()

    @model_validator(mode="after")
    def _no_dropout_that_is_switched_off(self) -> Self:
        if self.model.lora and self.model.lora.dropout and not self.keeps_dropout:
            raise ValueError(
                f"model.lora.dropout must be 0: TRL switches dropout off for {self.trainer} (disable_dropout)"
            )
        return self


class SFTRecipe(TextRecipe):
    """Supervised fine-tuning on replies."""

    keeps_dropout = True

    trainer: Literal["sft"]


class DPORecipe(TextRecipe):
    """DPO on pairs: `loss` maps TRL's names to weights, `beta` is the strength of the KL term.

    `label_smoothing` is the share of pairs that are taken to be the wrong way round; few losses read it.
    """

    needs_pairs = True

    trainer: Literal["dpo"]
    loss: dict[PairLoss, PositiveFloat] = Field(default_factory=lambda: dict(DEFAULT_LOSS), min_length=1)
    beta: PositiveFloat = 0.1
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    length_desensitisation: Annotated[float, Field(ge=0, le=1)] | None = None
    precompute_reference: bool = False

    @model_validator(mode="after")
    def _every_number_is_read(self) -> Self:
        check_label_smoothing(self.loss, self.label_smoothing)
        check_sorted_batches(self.loss, self.optimiser.per_device_batch_size)
        return self


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
        reason = first["msg"].removeprefix("Value error, ")
        raise TuneError(f"{source}: {field or 'recipe'}: {reason}") from None


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
    try:
        content[last] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise TuneError(f"--set {change}: the value is not YAML") from None
