"""Thresholds are chosen for an encoder in a folder and written for the service."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from repartee_tune.cli import cli
from tests.unit.repartee_tune.encoder import ENCODER, needs_encoder
from tests.unit.repartee_tune.labelled_people import people


def labelled(folder: Path) -> Path:
    return people(people(folder, ("ada", "bo")), ("fay",), split="test")


@needs_encoder
def test_thresholds_are_kept_for_the_encoders_profile(tmp_path: Path) -> None:
    base = tmp_path / "run" / "model"
    base.parent.mkdir()
    base.symlink_to(ENCODER)
    (tmp_path / "data").mkdir()
    arguments = [
        "calibrate-threshold",
        "--data",
        str(labelled(tmp_path / "data")),
        "--to",
        str(tmp_path / "to"),
    ]
    result = CliRunner().invoke(cli, arguments, env={"REPARTEE_EMBEDDER__FOLDER": str(base)})
    assert result.exit_code == 0, result.output
    [path] = (tmp_path / "to").glob("*.json")
    content = json.loads(path.read_text("utf-8"))
    assert path.stem == content["profile"]
    assert content["evidence"]["latin"]["tune_messages"] == 22
    assert f"latin: {content['thresholds']['latin']:g}" in result.output


@pytest.mark.parametrize(
    ("extra", "status", "message"),
    [(["--goal", "best"], 2, "--goal: 'best' is none of"), ([], 1, "en has no test messages")],
)
def test_mistakes_are_one_line(tmp_path: Path, extra: list[str], status: int, message: str) -> None:
    arguments = ["calibrate-threshold", "--data", str(people(tmp_path / "data", ("ada",))), *extra]
    result = CliRunner().invoke(cli, arguments)
    assert (result.exit_code, message in result.output) == (status, True), result.output
