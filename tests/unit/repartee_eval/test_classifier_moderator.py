"""`repartee-eval moderate` asks a tuned classifier in place of a judge."""

import json
from pathlib import Path

from click.testing import CliRunner

from repartee_eval.cli import cli
from tests.unit.repartee.integrations.test_linear_moderator import write

DIALOGUES = Path(__file__).parents[3] / "eval" / "data" / "dialogues" / "floor_examples.jsonl"


def test_every_message_gets_the_classifiers_tags(tmp_path: Path) -> None:
    arguments = ["moderate", str(DIALOGUES), "--no-judge", "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(cli, [*arguments, "--classifier", str(write(tmp_path / "model"))])
    assert result.exit_code == 30, result.output  # the floors that it does not know stay unknown
    lines = [json.loads(line) for line in (tmp_path / "run" / "flags.jsonl").read_text("utf-8").splitlines()]
    assert lines
    assert {line["judge"] for line in lines} == {"linear-test"}
    assert all(set(line["tags"]) == {"violence"} for line in lines)


def test_a_folder_without_a_classifier_is_a_usage_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["moderate", str(DIALOGUES), "--classifier", str(tmp_path)])
    assert result.exit_code == 2
    assert "--classifier: name the model/ of a `repartee-tune train moderation` run" in result.output
