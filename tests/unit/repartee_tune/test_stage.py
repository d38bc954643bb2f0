import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from repartee_tune.errors import TuneError
from repartee_tune.stage import MANIFEST, StageSpecification, begin_in_place, run_stage, specify


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "rows.jsonl").write_text("1\n2\n", "utf-8")
    return folder


def _count(source: Path) -> StageSpecification:
    return specify("count", {"rows": source}, {"scale": 1}, seed=7)


def _work(calls: list[Path]) -> Any:
    def work(out: Path) -> Mapping[str, int]:
        calls.append(out)
        (out / "result.txt").write_text("2", "utf-8")
        return {"rows": 2}

    return work


def test_the_manifest_says_what_a_folder_was_made_of(source: Path, tmp_path: Path) -> None:
    manifest = run_stage(_count(source), tmp_path / "out", _work([]))
    digest = sha256(b"1\n2\n").hexdigest()
    assert manifest.inputs == {"rows": {"rows.jsonl": digest}}
    assert list(manifest.outputs) == ["result.txt"]
    assert manifest.counts == {"rows": 2}
    assert manifest.seed == 7
    assert {"python", "torch", "trl"} <= set(manifest.versions)


def test_the_same_inputs_are_a_no_op(source: Path, tmp_path: Path) -> None:
    calls: list[Path] = []
    first = run_stage(_count(source), tmp_path / "out", _work(calls))
    assert run_stage(_count(source), tmp_path / "out", _work(calls)) == first
    assert len(calls) == 1


def test_a_changed_input_is_refused_by_name(source: Path, tmp_path: Path) -> None:
    run_stage(_count(source), tmp_path / "out", _work([]))
    (source / "rows.jsonl").write_text("3\n", "utf-8")
    with pytest.raises(TuneError, match=r"changed: rows\.rows\.jsonl"):
        run_stage(_count(source), tmp_path / "out", _work([]))


def test_what_a_killed_process_left_is_replaced_and_a_living_one_is_not_disturbed(
    source: Path, tmp_path: Path
) -> None:
    out, key = tmp_path / "out", _count(source).key[:12]
    for name in (f".out.{key}", ".out.0123456789ab", ".out.other", ".outer.0123456789ab"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half.txt").write_text("what a user said", "utf-8")
    run_stage(_count(source), out, _work([]))
    assert {path.name for path in tmp_path.glob(".*")} == {".out.other", ".outer.0123456789ab"}

    def meanwhile(_: Path) -> Mapping[str, int]:
        with pytest.raises(TuneError, match="being made by another process"):
            run_stage(_count(source), tmp_path / "second", _work([]))
        return {}

    run_stage(_count(source), tmp_path / "second", meanwhile)


def test_a_file_is_no_place_for_a_folder(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x", "utf-8")
    with pytest.raises(TuneError, match="is a file"):
        run_stage(_count(source), tmp_path / "out", _work([]))


def test_a_crash_leaves_no_folder_and_the_next_start_works(source: Path, tmp_path: Path) -> None:
    def crash(out: Path) -> Mapping[str, int]:
        (out / "half.txt").write_text("x", "utf-8")
        raise RuntimeError("crash")

    with pytest.raises(RuntimeError):
        run_stage(_count(source), tmp_path / "out", crash)
    assert not (tmp_path / "out").exists()
    manifest = run_stage(_count(source), tmp_path / "out", _work([]))
    assert list(manifest.outputs) == ["result.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "source"]


def test_a_folder_of_somebody_else_is_not_touched(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "letter.txt").write_text("mine", "utf-8")
    with pytest.raises(TuneError, match="is not empty"):
        run_stage(_count(source), out, _work([]))
    with pytest.raises(TuneError, match="is not empty"):
        begin_in_place(_count(source), out)
    assert (out / "letter.txt").read_text("utf-8") == "mine"


def test_a_torn_manifest_is_a_clear_error(source: Path, tmp_path: Path) -> None:
    run_stage(_count(source), tmp_path / "out", _work([]))
    path = tmp_path / "out" / MANIFEST
    path.write_text(json.dumps({"key": 1})[:5], "utf-8")
    with pytest.raises(TuneError, match="cannot be read as a Manifest"):
        run_stage(_count(source), tmp_path / "out", _work([]))
