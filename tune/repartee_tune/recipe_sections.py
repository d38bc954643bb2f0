"""What all recipes have in common."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

LARGEST_SEED = 2**32 - 1  # numpy takes no larger one


class Section(BaseModel):
    """A part of a recipe: unknown keys are errors, values never change, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_switch_for_a_number(cls, content: Any) -> Any:
        """YAML reads `on`, `yes` and `true` as a switch, which would be taken as the number 1."""
        for name, value in content.items() if isinstance(content, dict) else ():
            field = cls.model_fields.get(str(name))
            if isinstance(value, bool) and field is not None and field.annotation is not bool:
                raise ValueError(f"{name} is a switch ({str(value).lower()}) and should be a value")
        return content


class Recipe(Section):
    """What every recipe says; `trainer` names the subclass."""

    trainer: str
    description: Annotated[str, Field(min_length=1)]
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 42
