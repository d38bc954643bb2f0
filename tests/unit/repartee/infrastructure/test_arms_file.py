from pathlib import Path

import pytest

from repartee.domain.errors import ConfigurationError
from repartee.infrastructure.arms_file import load_arms

GOOD = """
experiment: opening-2026-11
arms:
  champion: {share: 95}
  canary: {share: 5, model: registry:generator/canary, base_url: "http://localhost:8001/v1"}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "arms.yaml"
    path.write_text(text)
    return path


def test_the_first_arm_is_the_default_and_nothing_is_nameable(tmp_path: Path) -> None:
    file = load_arms(written(tmp_path, GOOD))
    assert file.drawing().default == "champion"
    assert file.nameable == ()
    assert file.shadow is None
    assert file.arms["champion"].is_own
    assert not file.arms["canary"].is_own


def test_paths_are_those_beside_the_file_and_names_of_the_registry_stay(tmp_path: Path) -> None:
    text = GOOD.replace("{share: 95}", "{share: 95, folder: models/one, base_folder: base, prompts: short}")
    file = load_arms(written(tmp_path, text + "shadow: {folder: registry:generator/shadow}\n"))
    arm = file.arms["champion"]
    assert (arm.folder, arm.base_folder, arm.prompts) == (
        str(tmp_path / "models/one"),
        tmp_path / "base",
        tmp_path / "short",
    )
    assert file.shadow is not None
    assert file.shadow.folder == "registry:generator/shadow"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("95", "90"), "make 95 percent"),
        (("share: 5,", ""), "arms.canary.share"),
        (("share: 95", "share: 95, weight: 1"), "arms.champion.weight"),
        (("champion", "Champion!"), "arms.Champion!"),
        (("champion", "shadow"), "cannot be the name"),
        (("arms:", "default: other\narms:"), "none of the arms"),
        (("arms:", "nameable: [other]\narms:"), "other is no arm"),
        (("{share: 95}", "{share: 95, folder: x, model: y}"), "folder"),
        (("{share: 95}", "{share: 95, base_folder: x}"), "base_folder"),
        (("{share: 95}", "{share: .nan}"), "arms.champion.share"),
        (("http:", "ftp:"), "arms.canary.base_url"),
        (("experiment: opening-2026-11", ""), "experiment"),
        (("arms:", "arms: ["), "is not YAML"),
        ((GOOD, "- 1"), "the file"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_field(
    tmp_path: Path, change: tuple[str, str], words: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        load_arms(written(tmp_path, GOOD.replace(*change)))
    assert words in error.value.message
    assert error.value.message.startswith("REPARTEE_ARMS__FILE")
    assert "\n" not in error.value.message


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_arms(tmp_path / "none.yaml")
