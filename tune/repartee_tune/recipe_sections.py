"""What all recipes have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A part of a recipe: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Recipe(Section):
    """What every recipe says; `trainer` names the subclass."""

    trainer: str
    description: Annotated[str, Field(min_length=1)]
    seed: Annotated[int, Field(ge=0)] = 42
