import pytest

from repartee.application.model_menu import CharacterChoice, ModelMenu, NoSuchModel, PassThroughChoice
from repartee.infrastructure.settings import shipped_folder
from repartee.integrations.folder_character_library import FolderCharacterLibrary

LIBRARY = FolderCharacterLibrary(shipped_folder("characters"))


def test_models_are_listed_before_characters_and_the_operators_own_one_first() -> None:
    ids = [entry.id for entry in ModelMenu(LIBRARY, "gpt-99", ["x/y", "gpt-99"]).entries()]
    assert ids == ["gpt-99", "x/y", *LIBRARY.names()]


def test_the_own_model_is_chosen_by_leaving_it_to_the_adapter_and_an_allowed_one_by_name() -> None:
    menu = ModelMenu(LIBRARY, "gpt-99", ["x/y", "gpt-99"])
    assert menu.find("gpt-99").choice == PassThroughChoice(None)
    assert menu.find("x/y").choice == PassThroughChoice("x/y")


def test_an_arm_goes_by_its_long_name_only() -> None:
    menu = ModelMenu(LIBRARY, "gpt-99", [], ["canary"])
    assert [entry.id for entry in menu.entries()] == ["gpt-99", "arm/canary", *LIBRARY.names()]
    assert menu.find("arm/canary").choice == PassThroughChoice(None, "canary")
    with pytest.raises(NoSuchModel):
        menu.find("canary")


@pytest.mark.parametrize("name", ["blaze", "character/blaze"])
def test_a_character_goes_by_its_short_name_and_by_its_long_one(name: str) -> None:
    assert ModelMenu(LIBRARY, "gpt-99", []).find(name).choice == CharacterChoice("blaze")


def test_a_model_with_a_characters_name_wins_and_the_character_is_listed_by_its_long_name() -> None:
    menu = ModelMenu(LIBRARY, "blaze", [])
    assert menu.find("blaze").choice == PassThroughChoice(None)
    ids = [entry.id for entry in menu.entries()]
    assert ids.count("blaze") == ids.count("character/blaze") == 1


@pytest.mark.parametrize("name", ["", "nobody", "character/", "character/gpt-99"])
def test_what_is_not_on_the_menu_is_not_found(name: str) -> None:
    with pytest.raises(NoSuchModel):
        ModelMenu(LIBRARY, "gpt-99", []).find(name)
