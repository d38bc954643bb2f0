"""A classifier copies tags, and says how well on texts that it has not seen."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from repartee.integrations.linear_moderator import read_classifier
from repartee_tune.cli import cli
from repartee_tune.errors import TuneError
from repartee_tune.moderation_measures import threshold_for
from repartee_tune.recipe import load_recipe
from repartee_tune.small_recipes import ModerationRecipe
from repartee_tune.small_run import SmallRun
from repartee_tune.stage import Manifest
from repartee_tune.trainers import moderation
from tests.unit.repartee_tune.flagged_texts import write_flagged


def train(data: Path, out: Path) -> Manifest:
    recipe = load_recipe("moderation", ["buckets_log2=14"])
    assert isinstance(recipe, ModerationRecipe)
    return moderation.train(recipe, SmallRun(data=data, out=out), lambda *_: None)


def test_tags_are_learned_measured_and_served(tmp_path: Path) -> None:
    manifest = train(write_flagged(tmp_path / "data", 240, 80), tmp_path / "run")
    assert manifest.counts["left_out"] == {"hate": 0}
    mild = json.loads((tmp_path / "run" / "measures.json").read_text("utf-8"))["rows"][0]
    assert mild["positives"] == 20
    assert mild["recall"]["hits"] >= 18
    assert mild["precision"]["rate"] >= 0.8
    assert 0 < mild["recall"]["interval"][0] < 1
    served = read_classifier(tmp_path / "run" / "model")
    assert served.found("I will strangle them all with my bare hands, tea soup")["violence"].level == "mild"
    assert served.found("we went to the library and had tea, noodles")["violence"].level == "none"


def test_the_same_data_gives_the_same_bytes(tmp_path: Path) -> None:
    data = write_flagged(tmp_path / "data", 120, 40)
    first, second = (train(data, tmp_path / name).outputs for name in ("one", "two"))
    assert first["model/model.safetensors"] == second["model/model.safetensors"]


def test_feedback_of_one_class_is_refused(tmp_path: Path) -> None:
    data = write_flagged(tmp_path / "data", 60, 20)
    lines = [json.loads(line) for line in (data / "train.jsonl").read_text("utf-8").splitlines()]
    calm = [json.dumps({**line, "tags": {"violence": "none"}}) for line in lines]
    (data / "train.jsonl").write_text("\n".join(calm), "utf-8")
    with pytest.raises(TuneError, match=r"no tag has 10 messages that raise it .*violence 0"):
        train(data, tmp_path / "run")


def test_texts_in_both_parts_are_refused(tmp_path: Path) -> None:
    data = write_flagged(tmp_path / "data", 60, 20)
    leaked = json.loads((data / "eval.jsonl").read_text("utf-8").splitlines()[0])
    with (data / "train.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({**leaked, "text": leaked["text"] + "!", "dialogue": "other"}) + "\n")
    with pytest.raises(TuneError, match=r"train.jsonl:61 is nearly a text of eval.jsonl"):
        train(data, tmp_path / "run")


def test_a_wrong_level_is_named_and_no_text_is_shown(tmp_path: Path) -> None:
    data = write_flagged(tmp_path / "data", 4, 4)
    (data / "train.jsonl").write_text('{"text": "secret words", "tags": {"hate": "very"}}\n', "utf-8")
    arguments = ["train", "moderation", "--data", str(data), "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 1
    assert "train.jsonl:1: tags.hate" in result.output
    assert "secret" not in result.output


def test_the_threshold_finds_most_within_the_precision() -> None:
    truth = np.array([True, True, False, True, False, False])
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.3, 0.1])
    assert threshold_for(truth, scores, 0.75) == pytest.approx(0.45)
    assert threshold_for(truth, scores, 0.9) == pytest.approx(0.75)
