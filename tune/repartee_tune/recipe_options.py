"""What a recipe of a language model may say of weights, rows, optimiser, reports and health."""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from repartee_tune.recipe_sections import Section


class LoraOptions(Section):
    """Low-rank adaptation: what is added to the frozen weights."""

    rank: Annotated[int, Field(ge=1, le=1024)]
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
