"""Scenes for emulated dialogues: a character, a user with a goal, and what is said where no model plays."""

from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from repartee.domain.scenario import Scenario
from repartee.domain.text import MessageText
from repartee.domain.user import User
from repartee_eval.dialogues.dialogue import Id
from repartee_eval.errors import EvalError

SCENE_FORMAT: Final = "repartee.scenes/1"
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]


class Scene(BaseModel):
    """One scene. `goal` is what the user wants; `lines` are what the offline emulator says, in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[Id, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=60)]
    character: Id
    language: _Text = "English"
    goal: _Text
    user: User = User()
    scenario: Scenario | None = None
    lines: tuple[MessageText, ...] = Field(min_length=1)


class Scenes(BaseModel):
    """A file of scenes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["repartee.scenes/1"]
    scenes: tuple[Scene, ...] = Field(min_length=1)


def load_scenes(path: Path) -> tuple[Scene, ...]:
    """Read a file of scenes. Raises EvalError that names the file, the field and what is wrong with it."""
    try:
        found = Scenes.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise EvalError(f"{path}: cannot be read as scenes: {type(error).__name__}") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise EvalError(f"{path}: {field}: {first['msg']}") from None
    names = [scene.id for scene in found.scenes]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise EvalError(f"{path}: scene {twice} is there twice: ids must differ")
    return found.scenes
