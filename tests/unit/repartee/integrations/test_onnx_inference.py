import os
import subprocess
import sys

from repartee.integrations.onnx_inference import batches, padded

_LEFT_BEHIND = """
import os
from pathlib import Path
from repartee.integrations import onnx_inference
opened = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
print(*(path for path in opened if path.startswith(os.environ["HOME"])), *Path.home().rglob("*"))
"""


def test_batches_hold_every_text_once_and_stay_small():
    lengths = [3, 256, 9, 256, 256, 256, 256, *[5] * 100]
    made = list(batches(lengths))
    assert sorted(index for batch in made for index in batch) == list(range(len(lengths)))
    for batch in made:
        assert len(batch) <= 32
        assert max(lengths[index] for index in batch) * len(batch) <= 1_024


def test_nothing_makes_no_batch():
    assert list(batches([])) == []


def test_rows_are_filled_up_to_the_longest():
    assert padded([[1], [2, 3]], filler=9).tolist() == [[1, 9], [2, 3]]


def test_the_library_leaves_no_telemetry_behind(tmp_path):
    variables = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}  # without CI, which silences it as well
    ran = subprocess.run(
        [sys.executable, "-c", _LEFT_BEHIND], env=variables, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == []
