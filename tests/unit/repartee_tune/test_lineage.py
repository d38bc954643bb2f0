import json
from pathlib import Path
from shutil import rmtree

import pytest

from repartee_tune.errors import TuneError
from repartee_tune.lineage import trace, user_hash
from repartee_tune.registry.manifest import Base, Origin
from repartee_tune.registry.origin import dataset_id
from repartee_tune.registry.promotion import promote
from repartee_tune.registry.store import Registry
from tests.unit.repartee_tune.registry.models import WHO, registered


def dataset(folder: Path, name: str, *users: str) -> None:
    (folder / name).mkdir(parents=True)
    content = {"users": sorted(map(user_hash, users))}
    (folder / name / "manifest.json").write_text(json.dumps(content))


def test_a_user_is_traced_through_datasets_and_bases(tmp_path: Path) -> None:
    registry, datasets = Registry(tmp_path / "registry"), tmp_path / "datasets"
    dataset(datasets, "d1", "maya", "oleg")
    dataset(datasets, "d2", "oleg")
    first = registered(registry, 1, origin=Origin(datasets=("d1",)))
    second = registered(
        registry, 2, origin=Origin(datasets=("d2",), base=Base(id=f"registry:generator/{first.version}"))
    )
    registered(registry, 3, origin=Origin(datasets=("d2",), parent=first.version))
    promote(registry, second.version, "champion", WHO, expected=None, forced="t")
    found = trace("maya", datasets, registry)
    assert found.to_rebuild == ("d1", first.version, second.version)
    assert (found.versions[1].through, found.versions[1].aliases) == (first.version, ("champion",))
    assert trace("nobody", datasets, registry).to_rebuild == ()


def test_a_dataset_that_is_gone_is_said_to_be_unknown(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry")
    registered(registry, 1, origin=Origin(datasets=("gone",)))
    assert trace("maya", tmp_path / "datasets", registry).unknown == ("gone",)


def test_a_dataset_that_was_made_anew_under_its_name_does_not_clear_the_old_version(tmp_path: Path) -> None:
    registry, datasets = Registry(tmp_path / "registry"), tmp_path / "datasets"
    dataset(datasets, "week", "maya", "oleg")
    name = dataset_id(datasets / "week/manifest.json")
    old = registered(registry, 1, origin=Origin(datasets=(name,)))
    assert trace("maya", datasets, registry).to_rebuild == ("week", old.version)
    rmtree(datasets / "week")
    dataset(datasets, "week", "oleg")
    found = trace("maya", datasets, registry)
    assert (found.to_rebuild, found.unknown) == ((), (name,))


def test_a_version_whose_manifest_cannot_be_read_is_named(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry")
    one = registered(registry, 1)
    (registry.version_folder(one.version) / "manifest.json").write_text("{")
    assert trace("maya", tmp_path / "datasets", registry).damaged == (one.version,)


def test_nobody_is_no_user(tmp_path: Path) -> None:
    with pytest.raises(TuneError, match="--user-id is empty"):
        trace("", tmp_path, Registry(tmp_path / "registry"))


def test_a_dataset_that_does_not_say_whose_words_it_holds_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "datasets/d1").mkdir(parents=True)
    (tmp_path / "datasets/d1/manifest.json").write_text("{}")
    with pytest.raises(TuneError, match="whose words"):
        trace("maya", tmp_path / "datasets", Registry(tmp_path / "registry"))
