"""What there is to talk to, as OpenAI lists models."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from repartee.application.model_menu import CharacterChoice, MenuEntry


class Model(BaseModel):
    """`owned_by` is `repartee` for a character, `upstream` for a model that gets the client's own prompt."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["repartee", "upstream"]
    name: str


class ModelList(BaseModel):
    """All of them: models first, then characters."""

    object: Literal["list"] = "list"
    data: list[Model]


def listed(entries: Sequence[MenuEntry], created: int) -> ModelList:
    """Return the list."""
    return ModelList(data=[shown(entry, created) for entry in entries])


def shown(entry: MenuEntry, created: int) -> Model:
    """Return one of the list."""
    ours = isinstance(entry.choice, CharacterChoice)
    owner: Literal["repartee", "upstream"] = "repartee" if ours else "upstream"
    return Model(id=entry.id, created=created, owned_by=owner, name=entry.title)
