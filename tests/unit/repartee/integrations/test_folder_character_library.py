from pathlib import Path

import pytest

from repartee.domain.cards.card_file import CardFile, write_card
from repartee.domain.errors import ConfigurationError, NotFound
from repartee.infrastructure.settings import shipped_folder
from repartee.integrations.folder_character_library import FolderCharacterLibrary


def test_the_file_name_is_the_characters_short_name(tmp_path: Path) -> None:
    (tmp_path / "ada.json").write_text('{"name": "Ada"}')
    library = FolderCharacterLibrary(tmp_path)
    assert library.names() == ("ada",)
    assert library.get("ada").name == "Ada"


def test_cards_of_every_format_are_read_by_their_stem(tmp_path: Path) -> None:
    for name in ("a.json", "b.yaml", "c.yml", "d.png", "e.charx"):
        suffix = name.rpartition(".")[2].replace("yml", "yaml")
        card = CardFile({"name": name}, "json")
        (tmp_path / name).write_bytes(write_card(card, suffix))
    (tmp_path / "README.md").write_text("no card")
    library = FolderCharacterLibrary(tmp_path)
    assert library.names() == ("a", "b", "c", "d", "e")
    assert [library.get(name).name for name in "abcde"] == ["a.json", "b.yaml", "c.yml", "d.png", "e.charx"]


def test_two_files_of_one_name_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / "ada.json").write_text('{"name": "Ada"}')
    (tmp_path / "ada.yaml").write_text("name: Ada")
    with pytest.raises(ConfigurationError, match=r"ada\.yaml: another file has that name"):
        FolderCharacterLibrary(tmp_path)


def test_a_folder_with_a_cards_name_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "ada.json").mkdir()
    with pytest.raises(ConfigurationError, match=r"ada\.json: Is a directory"):
        FolderCharacterLibrary(tmp_path)


def test_an_unknown_name_is_not_found_and_the_known_ones_are_listed(tmp_path: Path) -> None:
    (tmp_path / "ada.json").write_text('{"name": "Ada"}')
    with pytest.raises(NotFound, match="ada"):
        FolderCharacterLibrary(tmp_path).get("bob")


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("ada.json", "{", "not JSON"),
        ("ada.json", '{"name": ""}', "name"),
        ("ada.json", '{"spec": "chara_card_v3", "data": {"description": "x"}}', "name"),
        ("ada.png", "x: [", "not YAML"),
        ("Ada B.json", '{"name": "Ada"}', "lower-case"),
    ],
)
def test_a_file_that_is_not_a_card_stops_the_start_with_its_name(
    tmp_path: Path, name: str, text: str, word: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match=word) as caught:
        FolderCharacterLibrary(tmp_path)
    assert name in caught.value.message


def test_a_missing_folder_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="REPARTEE_CHARACTERS_FOLDER"):
        FolderCharacterLibrary(tmp_path / "none")


def test_the_shipped_characters_are_v3_cards_with_enough_to_play_them() -> None:
    library = FolderCharacterLibrary(shipped_folder("characters"))
    characters = [library.get(name) for name in library.names()]
    languages = [character.language for character in characters]
    assert languages.count("en") >= 4
    assert languages.count("ru") >= 2
    for character in characters:
        assert len(character.greetings("Ann")) >= 2
        exchanges = sum(
            message.role == "character" for block in character.example_dialogues() for message in block
        )
        assert exchanges >= 6, character.name
        assert min(len(character.description), len(character.personality), len(character.scenario)) > 40
        assert "{{" not in "".join(character.greetings("Ann"))
