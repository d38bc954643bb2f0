import json
import pickle
from pathlib import Path

import pytest

from repartee_tune.errors import TuneError
from repartee_tune.registry.artefact import LEFTOVERS, inspect
from tests.unit.repartee_tune.registry.models import adapter, model


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "a/b.pkl", "training_args.bin", "code.py"])
def test_refuses_what_may_run_code(tmp_path: Path, name: str) -> None:
    folder = model(tmp_path / "m")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"x")
    with pytest.raises(TuneError, match="may hold code"):
        inspect(folder)


@pytest.mark.parametrize("content", [pickle.dumps({"a": 1}), b"PK\x03\x04archive"])
def test_refuses_a_pickle_under_another_name(tmp_path: Path, content: bytes) -> None:
    folder = model(tmp_path / "m")
    (folder / "vocab.txt").write_bytes(content)
    with pytest.raises(TuneError, match="pickle under another name"):
        inspect(folder)


def test_refuses_links_even_to_folders(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    (folder / "more").symlink_to(tmp_path)
    with pytest.raises(TuneError, match="more is a link"):
        inspect(folder)


@pytest.mark.parametrize("cut", [4, 100, -1])
def test_refuses_cut_weights(tmp_path: Path, cut: int) -> None:
    folder = model(tmp_path / "m")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:cut])
    with pytest.raises(TuneError, match="no safetensors file"):
        inspect(folder)


def test_refuses_a_folder_without_weights(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(TuneError, match="holds no weights"):
        inspect(tmp_path)


def test_names_the_base_by_its_id(tmp_path: Path) -> None:
    folder = adapter(tmp_path / "a", "/home/someone/models/base")
    with pytest.raises(TuneError, match="--base"):
        inspect(folder)
    content = json.loads(inspect(folder, base_id="org/base").rewritten["adapter_config.json"])
    assert content["base_model_name_or_path"] == "org/base"


def test_refuses_other_paths_of_this_machine(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    (folder / "config.json").write_text(json.dumps({"extra": {"file": "/home/someone/vocab.json"}}))
    with pytest.raises(TuneError, match=r"extra\.file is a path"):
        inspect(folder)


def test_the_content_does_not_depend_on_where_it_was_trained(tmp_path: Path) -> None:
    one = inspect(adapter(tmp_path / "a", "/home/one/base"), base_id="x")
    other = inspect(adapter(tmp_path / "b", "/mnt/two/base"), base_id="y")
    assert one.content_sha256 == other.content_sha256


def test_leaves_out_what_trainers_leave_behind(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    (folder / "training_args.bin").write_bytes(pickle.dumps({}))
    model(folder / "ref")
    assert inspect(folder, leave_out=LEFTOVERS).paths == ("config.json", "model.safetensors")
