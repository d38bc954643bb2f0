"""Recipes of the small models: what finds facts, what ranks them, what labels messages."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from repartee_tune.recipe_sections import Recipe, Section

Share = Annotated[float, Field(ge=0, lt=1)]


class HeadOptions(Section):
    """One matrix on the finished vectors. `proximity` pulls it back to the one that changes nothing."""

    learning_rate: PositiveFloat = 3e-4
    steps: PositiveInt = 300
    proximity: Annotated[float, Field(ge=0)] = 1.0


class EncoderLoraOptions(Section):
    """Low-rank changes of every layer, added to the weights at the end."""

    rank: PositiveInt = 8
    learning_rate: PositiveFloat = 7e-4
    steps: PositiveInt = 64
    groups_per_step: Annotated[int, Field(ge=1)] = 2
    dropout: Share = 0.1


class FullOptions(Section):
    """All weights, with sentence-transformers. `hard_negatives` are mined for each relevant fact."""

    learning_rate: PositiveFloat = 2e-5
    epochs: PositiveInt = 1
    batch_size: Annotated[int, Field(ge=2)] = 32
    hard_negatives: Annotated[int, Field(ge=1, le=8)] = 1
    scale: PositiveFloat = 20.0


class EmbedderRecipe(Recipe):
    """A sentence encoder that finds the facts that matter. `related_weight` is that of grade 1; 2 has 1."""

    trainer: Literal["embedder"]
    method: Literal["head", "lora", "full"]
    head: HeadOptions = HeadOptions()
    lora: EncoderLoraOptions = EncoderLoraOptions()
    full: FullOptions = FullOptions()
    temperature: PositiveFloat = 0.05
    related_weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    languages: tuple[str, ...] = ("en",)
    least_messages: PositiveInt = 100


class RerankerRecipe(Recipe):
    """A cross-encoder that reads message and fact together.

    `negatives` unrelated facts for each relevant one, half of them the nearest by the encoder `miner`.
    """

    trainer: Literal["reranker"]
    learning_rate: PositiveFloat = 5e-5
    epochs: PositiveInt = 2
    batch_size: PositiveInt = 32
    negatives: Annotated[int, Field(ge=1, le=32)] = 6
    related_target: Annotated[float, Field(gt=0, le=1)] = 0.5
    max_tokens: Annotated[int, Field(ge=16, le=512)] = 96
    languages: tuple[str, ...] = ("en",)
    least_messages: PositiveInt = 100


class ModerationRecipe(Recipe):
    """A classifier of messages: hashed character runs, one logistic regression per tag."""

    trainer: Literal["moderation"]
    shortest: Annotated[int, Field(ge=1, le=8)] = 2
    longest: Annotated[int, Field(ge=1, le=8)] = 5
    buckets_log2: Annotated[int, Field(ge=10, le=22)] = 18
    strength: PositiveFloat = 8.0
    least_precision: Annotated[float, Field(gt=0, le=1)] = 0.8
    least_positives: Annotated[int, Field(ge=2)] = 10
    max_characters: PositiveInt = 4_000
