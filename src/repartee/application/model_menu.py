"""The names under which a client of the OpenAI-compatible door finds what it can talk to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from repartee.application.ports import CharacterLibrary
from repartee.domain.errors import NotFound

CHARACTER_PREFIX: Final = "character/"
ARM_PREFIX: Final = "arm/"


class NoSuchModel(NotFound):
    """The menu has nothing of that name."""

    code = "model_not_found"


@dataclass(frozen=True, slots=True)
class CharacterChoice:
    """A shipped character answers; the whole prompt is ours."""

    name: str


@dataclass(frozen=True, slots=True)
class PassThroughChoice:
    """The model, or an arm, answers to the client's own prompt. None is the operator's own model."""

    model: str | None
    arm: str | None = None


Choice = CharacterChoice | PassThroughChoice


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One name, and what it stands for."""

    id: str
    title: str
    choice: Choice


class ModelMenu:
    """The operator's model, the models and arms that a request may name, and the shipped characters.

    Arms go by `arm/NAME`. A character goes by its short name; as `character/NAME` it is found also where a
    model has that name.
    """

    def __init__(
        self,
        characters: CharacterLibrary,
        own_model: str,
        allowed_models: Sequence[str],
        arms: Sequence[str] = (),
    ) -> None:
        models = (*_models(own_model, allowed_models), *_arms(arms))
        self._entries = {entry.id: entry for entry in (*_characters(characters), *models)}
        self._unlisted = {entry.id: entry for entry in _characters(characters, CHARACTER_PREFIX)}

    def entries(self) -> tuple[MenuEntry, ...]:
        """Return what is listed: models first, then characters, each sorted as configured."""
        hidden = (
            entry
            for entry in self._unlisted.values()
            if isinstance(self._entries[entry.id.removeprefix(CHARACTER_PREFIX)].choice, PassThroughChoice)
        )
        listed = (*self._entries.values(), *hidden)
        return tuple(sorted(listed, key=lambda entry: isinstance(entry.choice, CharacterChoice)))

    def find(self, model_id: str) -> MenuEntry:
        """Return the entry of that name. Raises NoSuchModel."""
        entry = self._entries.get(model_id) or self._unlisted.get(model_id)
        if entry is None:
            raise NoSuchModel("model: there is none of that name; GET /v1/models lists those that there are")
        return entry


def _characters(characters: CharacterLibrary, prefix: str = "") -> Iterator[MenuEntry]:
    for name in characters.names():
        yield MenuEntry(prefix + name, characters.get(name).display_name, CharacterChoice(name))


def _arms(names: Sequence[str]) -> Iterator[MenuEntry]:
    for name in names:
        yield MenuEntry(ARM_PREFIX + name, name, PassThroughChoice(None, name))


def _models(own_model: str, allowed_models: Sequence[str]) -> Iterator[MenuEntry]:
    yield MenuEntry(own_model, own_model, PassThroughChoice(None))
    for model in allowed_models:
        if model != own_model:
            yield MenuEntry(model, model, PassThroughChoice(model))
