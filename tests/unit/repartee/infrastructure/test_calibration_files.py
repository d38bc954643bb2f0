"""Whose threshold holds: the setting's, the calibration's, the embedder's own."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from repartee.application.ports import Embedder, EmbedderProfile
from repartee.domain.calibration import Calibration
from repartee.domain.errors import ConfigurationError
from repartee.infrastructure.calibration_files import calibrated, read_calibration
from repartee.infrastructure.container import make_container
from repartee.infrastructure.settings import Settings
from tests.sentence_encoder import write_sentence_encoder


def write(folder: Path, profile: str, **values) -> Path:
    values = {"thresholds": {"cyrillic": 0.21}, "goal": "max-f1", "data": "f00d", **values}
    made = Calibration(profile=profile, created_at=datetime.now(UTC), **values)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / made.file_name).write_text(made.model_dump_json(), "utf-8")
    return folder / made.file_name


async def opened(tmp_path: Path, **embedder) -> EmbedderProfile:
    folder = write_sentence_encoder(tmp_path / "tiny", ["tea"]).folder
    chosen = {"kind": "folder", "folder": folder, **embedder}
    container = make_container(Settings(_env_file=None, data_dir=tmp_path / "var", embedder=chosen))
    try:
        found = await container.get(Embedder)
        assert len(await found.embed_query("tea")) == found.profile.dimension
        return found.profile
    finally:
        await container.close()


async def test_without_a_file_the_embedders_own_thresholds_hold(tmp_path: Path):
    profile = await opened(tmp_path)
    assert (profile.threshold, profile.thresholds) == (0.4, {})


async def test_a_calibration_holds_for_its_scripts_and_changes_no_id(tmp_path: Path):
    own = await opened(tmp_path)
    write(tmp_path / "var" / "calibration", own.id)
    profile = await opened(tmp_path)
    assert profile.id == own.id
    assert (profile.threshold_for("чай"), profile.threshold_for("tea")) == (0.21, 0.4)


async def test_another_folder_can_be_named(tmp_path: Path):
    write(tmp_path / "var" / "calibration", (await opened(tmp_path)).id)
    write(tmp_path / "mine", (await opened(tmp_path)).id, thresholds={"latin": 0.1})
    profile = await opened(tmp_path, calibration=tmp_path / "mine")
    assert (profile.threshold_for("чай"), profile.threshold_for("tea")) == (0.4, 0.1)


async def test_the_setting_holds_for_all_scripts_and_no_file_is_read(tmp_path: Path):
    write(tmp_path / "var" / "calibration", (await opened(tmp_path)).id).write_text("broken")
    profile = await opened(tmp_path, threshold=0.35)
    assert (profile.threshold_for("чай"), profile.threshold_for("tea")) == (0.35, 0.35)


def test_what_an_embedder_knows_itself_holds_where_nothing_else_does(tmp_path: Path):
    own = EmbedderProfile("tiny-1", "tiny", "1", 8, 0.4, {"latin": 0.3, "other": 0.5})
    write(tmp_path, "tiny-1")
    found = calibrated(own, Settings(_env_file=None, embedder={"calibration": tmp_path}))
    assert found == replace(own, thresholds={"latin": 0.3, "other": 0.5, "cyrillic": 0.21})
    told = Settings(_env_file=None, embedder={"calibration": tmp_path, "threshold": -0.1})
    assert {calibrated(own, told).threshold_for(text) for text in ("tea", "чай", "茶")} == {-0.1}


async def test_a_broken_file_stops_the_start(tmp_path: Path):
    path = write(tmp_path / "var" / "calibration", (await opened(tmp_path)).id)
    path.write_text('{"thresholds": {"latin": 7}}')
    with pytest.raises(ConfigurationError, match=f"{path.name} cannot be used"):
        await opened(tmp_path)


def refused(folder: Path, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        read_calibration(folder, "tiny-1")
    assert "--write" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "no JSON object"), ("[]", "no JSON object"), ('{"format": 2}', "format: Input should be 1")],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, content: str, said: str):
    write(tmp_path, "tiny-1").write_text(content)
    refused(tmp_path, said)


def test_a_file_of_another_profile_is_refused(tmp_path: Path):
    write(tmp_path, "other-2").rename(tmp_path / "tiny-1.json")
    refused(tmp_path, "is of the profile other-2, not of tiny-1")


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path):
    (tmp_path / "tiny-1.json").mkdir()
    refused(tmp_path, "Is a directory")
