from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from repartee.domain.calibration import Calibration, calibration_file_name

VALUES = {
    "profile": "tiny-0badcafe",
    "thresholds": {"latin": 0.3, "cyrillic": 0.2},
    "goal": "max-f1",
    "data": "f00d",
    "evidence": {"latin": {"f1": 0.5, "n": 72}},
    "created_at": datetime(2026, 11, 20, tzinfo=UTC),
}


def test_it_is_read_as_it_was_written():
    written = Calibration(**VALUES)
    assert Calibration.model_validate_json(written.model_dump_json()) == written
    assert written.file_name == calibration_file_name("tiny-0badcafe") == "tiny-0badcafe.json"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", 2),
        ("profile", "../secret"),
        ("profile", ""),
        ("thresholds", {}),
        ("thresholds", {"greek": 0.3}),
        ("thresholds", {"latin": 1.5}),
        ("thresholds", {"latin": float("nan")}),
        ("evidence", {"latin": {"f1": float("inf")}}),
        ("created_at", "yesterday"),
        ("more", 1),
    ],
)
def test_what_does_not_fit_is_refused(field: str, value: object):
    with pytest.raises(ValidationError) as caught:
        Calibration(**{**VALUES, field: value})
    assert caught.value.errors()[0]["loc"][0] == field
