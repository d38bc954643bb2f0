import json
from pathlib import Path
from typing import Any

import pytest

from repartee_tune.errors import TuneError
from repartee_tune.registry.origin import altered, completed, dataset_id, origin_of_run, origin_of_runs
from repartee_tune.registry.store import Registry
from repartee_tune.stage import file_hash, file_hashes
from tests.unit.repartee_tune.registry.models import model


def dataset(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"users": [], "of": folder.name}))
    return folder


def run(folder: Path, number: float, data: Path, base: Path) -> Path:
    """Write a finished run whose manifest lists its model and health, as training does."""
    model(folder / "model", number)
    (folder / "health.json").write_text("{}")
    (folder / "status.json").write_text(json.dumps({"state": "finished"}))
    content: dict[str, Any] = {
        "inputs": {"dataset": file_hashes(data), "base": file_hashes(base)},
        "parameters": {"recipe": {"of": folder.name}},
        "outputs": file_hashes(folder, leave_out=("status.json",)),
    }
    (folder / "manifest.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def chain(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Return the folder of two datasets, and SFT and DPO runs, the second tuned from the first."""
    sets = tmp_path / "sets"
    one, two = dataset(sets / "one"), dataset(sets / "two")
    sft = run(tmp_path / "sft", 1, one, model(tmp_path / "base", 0))
    return sets, sft, run(tmp_path / "dpo", 2, two, sft / "model")


def test_a_merged_model_has_the_data_of_all_runs_behind_it(
    chain: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    sets, sft, dpo = chain
    origin = origin_of_runs([sft, dpo], Registry(tmp_path / "registry"), sets)
    wanted = tuple(sorted(dataset_id(sets / name / "manifest.json") for name in ("one", "two")))
    assert (origin.datasets, origin.run) == (wanted, "dpo")
    assert origin.base == origin_of_run(sft, Registry(tmp_path / "registry"), sets).base


def test_runs_that_do_not_follow_from_each_other_are_refused(
    chain: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    sets, sft, dpo = chain
    with pytest.raises(TuneError, match="was not tuned from"):
        origin_of_runs([dpo, sft], Registry(tmp_path / "registry"), sets)


@pytest.mark.parametrize("changed", ["model/config.json", "model/extra.json", "health.json"])
def test_a_run_that_was_altered_after_its_manifest_is_refused(
    chain: tuple[Path, Path, Path], tmp_path: Path, changed: str
) -> None:
    sets, sft, _ = chain
    assert altered(sft) == []
    (sft / changed).write_text('{"altered": 1}')
    assert altered(sft) == [changed]
    with pytest.raises(TuneError, match="not as the training left it"):
        origin_of_run(sft, Registry(tmp_path / "registry"), sets)


def test_a_model_that_was_merged_into_the_run_later_is_no_alteration(
    chain: tuple[Path, Path, Path],
) -> None:
    model(chain[1] / "merged", 3)
    assert altered(chain[1]) == []


def test_a_dataset_that_is_named_by_hand_is_known_by_its_manifest(
    chain: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    sets, sft, _ = chain
    known = origin_of_run(sft, Registry(tmp_path / "registry"), sets)
    named = completed(known, None, None, ("two", "elsewhere"), None, sets).datasets
    digits = file_hash(sets / "two" / "manifest.json")[:12]
    assert {f"two@{digits}", "elsewhere"} < set(named)
