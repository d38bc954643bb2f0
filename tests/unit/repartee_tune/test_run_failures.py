"""What went wrong is one line with the fix, and a surprise leaves its traceback in the run's folder."""

import errno
from pathlib import Path

import pytest
import torch

from repartee_tune.errors import TuneError
from repartee_tune.run_failures import explained


def test_our_own_errors_stay_as_they_are(tmp_path: Path) -> None:
    error = TuneError("lower it")
    assert explained(error, tmp_path) is error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "halve optimiser.per_device_batch_size"),
        (OSError(errno.ENOSPC, "No space left on device"), "is full: make room; the same command goes on"),
        (
            RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0"),
            "is full: make room",
        ),
    ],
)
def test_what_a_person_can_mend_is_named(tmp_path: Path, error: Exception, message: str) -> None:
    assert message in str(explained(error, tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_surprise_is_one_line_and_a_traceback_in_the_folder(tmp_path: Path) -> None:
    said = str(explained(ValueError("first line\nsecond line"), tmp_path))
    assert said.startswith("ValueError: first line; the traceback is in ")
    assert "second line" in (tmp_path / "traceback.txt").read_text("utf-8")
