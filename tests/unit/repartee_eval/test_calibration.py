"""What the sweep writes, the service reads."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from repartee.domain.text import Script
from repartee.infrastructure.calibration_files import read_calibration
from repartee_eval.calibration import calibrate, require_tune_scripts, write_calibration
from repartee_eval.retrieval import ScoredMessage
from repartee_eval.retrieval_data import LabelledUser
from repartee_eval.sweep import SweepError, parse_goal
from tests.unit.repartee_eval.labelled import labelled


def message(score: float, grade: int, split: str = "tune", script: Script = "latin") -> ScoredMessage:
    language = "ru" if script == "cyrillic" else "en"
    return ScoredMessage("ann", language, split, "m", (score,), (grade,), script=script)


def calibrated(messages: list[ScoredMessage], goal: str = "max-f1"):
    return calibrate(messages, parse_goal(goal), 3, profile="tiny-1", data="f00d")


def test_each_script_gets_the_threshold_that_serves_the_goal_on_its_tune_messages():
    found = calibrated(
        [
            message(0.6, 1),
            message(0.4, 0),
            message(0.3, 1, script="cyrillic"),
            message(0.1, 0, script="cyrillic"),
            message(0.1, 1, "test"),
        ]
    )
    assert found.thresholds == {"latin": 0.595, "cyrillic": 0.295}
    assert (found.profile, found.data, found.goal) == ("tiny-1", "f00d", "max-f1")
    assert abs((datetime.now(UTC) - found.created_at).total_seconds()) < 60


def test_languages_of_one_script_are_judged_together():
    german = ScoredMessage("uwe", "de", "tune", "m", (0.3,), (1,))
    assert calibrated([message(0.6, 1), german]).thresholds == {"latin": 0.295}


def test_evidence_is_of_the_test_split_where_there_is_one():
    found = calibrated(
        [
            message(0.6, 1),
            message(0.4, 0),
            message(0.9, 1, "test"),
            message(0.1, 1, "test"),
            message(0.9, 0, "test"),
            message(0.3, 1, script="cyrillic"),
        ]
    )
    assert found.evidence["latin"] == {
        "precision": 0.5, "recall": 0.5, "f1": 0.5, "fpr": 1.0,
        "n": 3, "tune_messages": 2, "test_messages": 3,
    }  # fmt: skip
    assert found.evidence["cyrillic"] == {
        "precision": 1.0, "recall": 1.0, "f1": 1.0, "n": 1, "tune_messages": 1, "test_messages": 0,
    }  # fmt: skip


def test_a_goal_for_n_facts_leaves_its_rate_as_evidence():
    found = calibrated([message(0.6, 1), message(0.4, 0)], "fpr<=0.1@1")
    assert (found.goal, found.evidence["latin"]["fpr@1"]) == ("fpr<=0.1@1", 0.0)


def test_a_goal_that_a_script_cannot_meet_is_refused():
    messages = [message(0.6, 1), message(0.3, 1, script="cyrillic"), message(0.9, 0, script="cyrillic")]
    with pytest.raises(SweepError, match=r"no threshold meets precision>=0\.9 for cyrillic letters"):
        calibrated(messages, "precision>=0.9")


def test_a_script_without_tune_messages_is_refused():
    tune, test = labelled("ann", "tune"), labelled("ben", "test")
    require_tune_scripts([LabelledUser.model_validate(tune), LabelledUser.model_validate(test)])
    test["messages"][0]["text"] = "привет"
    with pytest.raises(SweepError, match="no tune message is in cyrillic letters"):
        require_tune_scripts([LabelledUser.model_validate(tune), LabelledUser.model_validate(test)])


def test_the_service_reads_what_was_written_and_a_second_one_replaces_it(tmp_path: Path):
    first, second = calibrated([message(0.6, 1)]), calibrated([message(0.5, 1)])
    folder = tmp_path / "made" / "on the way"
    assert read_calibration(folder, "tiny-1") is None
    path = write_calibration(folder, first)
    assert read_calibration(folder, "tiny-1") == first
    assert write_calibration(folder, second) == path
    assert read_calibration(folder, "tiny-1") == second
    assert list(folder.iterdir()) == [path]
