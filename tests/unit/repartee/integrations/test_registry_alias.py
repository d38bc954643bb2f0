from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from repartee.domain.errors import ConfigurationError
from repartee.integrations.registry_alias import RegistryAlias
from repartee_tune.registry.manifest import Base, Origin
from repartee_tune.registry.promotion import promote
from repartee_tune.registry.store import Change, Registry
from tests.tiny_chat_model import point, write_version

ONE, TWO = "gen-20261120-aaaaaaaaaaaa", "gen-20261121-bbbbbbbbbbbb"

WHO = Change("ann", "test")


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    for version in (ONE, TWO):
        write_version(tmp_path, version)
    point(tmp_path, champion=ONE, canary=TWO)
    return tmp_path


def test_an_alias_is_the_version_that_it_means(registry: Path) -> None:
    found = RegistryAlias(registry, "registry:generator/champion").read()
    assert found is not None
    assert (found.id, found.folder) == (ONE, registry / "generator" / "versions" / ONE)


def test_a_version_may_be_named_itself(registry: Path) -> None:
    found = RegistryAlias(registry, f"registry:generator/{TWO}").read()
    assert found is not None
    assert found.id == TWO


def test_what_an_alias_does_not_mean_is_nothing(registry: Path, tmp_path: Path) -> None:
    assert RegistryAlias(registry, "registry:generator/shadow").read() is None
    assert RegistryAlias(tmp_path / "none", "registry:generator/champion").read() is None
    assert RegistryAlias(tmp_path / "none", "registry:generator/champion").stamp() is None


def test_the_stamp_changes_with_a_promotion_only(registry: Path) -> None:
    alias = RegistryAlias(registry, "registry:generator/champion")
    before = alias.stamp()
    assert alias.stamp() == before
    point(registry, champion=TWO)
    assert alias.stamp() != before


def test_it_reads_what_the_registry_of_the_trainers_writes(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    save_file({"one": np.zeros(2, np.float32)}, model / "model.safetensors")
    registry = Registry(tmp_path / "registry")
    manifest, _ = registry.register("generator", model, Origin(base=Base(id="org/base")), WHO)
    promote(registry, manifest.version, "champion", WHO, expected=None, forced="test")
    found = RegistryAlias(tmp_path / "registry", "registry:generator/champion").read()
    assert found is not None
    assert found.id == manifest.version
    assert (found.folder / "config.json").is_file()


def test_the_base_of_an_adapter_is_looked_up_where_the_registry_has_it(registry: Path) -> None:
    adapter = "gen-20261121-cccccccccccc"
    write_version(registry, adapter, base=f"registry:generator/{ONE}")
    alias = RegistryAlias(registry, f"registry:generator/{adapter}")
    version = alias.read()
    assert version is not None
    assert alias.base(version) == registry / "generator" / "versions" / ONE
    write_version(registry, adapter, base="Qwen/Qwen3-8B")
    assert alias.base(version) is None


@pytest.mark.parametrize(
    "name", ["champion", "registry:champion", "registry:generator/../x", "registry:/a", ""]
)
def test_a_name_of_another_shape_is_refused(registry: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="registry:generator/champion"):
        RegistryAlias(registry, name)


@pytest.mark.parametrize(
    "content",
    ["{", "[]", "{}", '{"aliases": {"champion": {"version": "../x"}}}', '{"aliases": {"champion": "x"}}',
     '{"aliases": {"champion": {"version": "gen-20261121-dddddddddddd"}}}'],
)  # fmt: skip
def test_a_damaged_table_and_a_missing_version_are_errors(registry: Path, content: str) -> None:
    (registry / "generator" / "aliases.json").write_text(content)
    with pytest.raises(ConfigurationError):
        RegistryAlias(registry, "registry:generator/champion").read()
