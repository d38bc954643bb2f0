import errno
import json
import os
import re
from pathlib import Path

import pytest

from repartee_tune.errors import TuneError
from repartee_tune.registry import durable
from repartee_tune.registry.events import FILE, read_events
from repartee_tune.registry.manifest import VERSION_PATTERN, Base, Origin
from repartee_tune.registry.promotion import promote, rollback
from repartee_tune.registry.store import Registry
from repartee_tune.registry.versions import problems
from tests.unit.repartee_tune.registry.models import WHO, adapter, model, registered


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry")


def test_a_version_lists_every_file_with_its_sum(registry: Registry) -> None:
    manifest = registered(registry, 1)
    assert re.fullmatch(VERSION_PATTERN, manifest.version)
    assert [file.path for file in manifest.files] == ["config.json", "model.safetensors"]
    assert problems(registry.version_folder(manifest.version)) == []


def test_the_same_content_is_the_same_version(registry: Registry, tmp_path: Path) -> None:
    first = registered(registry, 1)
    again, new = registry.register("generator", model(tmp_path / "copy", 1), Origin(eval_run="later"), WHO)
    assert (again, new) == (first, False)
    assert len(list(read_events(registry.root))) == 1
    assert [path.name for path in (registry.root / "generator/versions").iterdir()] == [first.version]


def test_other_data_makes_another_version(registry: Registry, tmp_path: Path) -> None:
    first = registered(registry, 1)
    other, new = registry.register("generator", model(tmp_path / "copy", 1), Origin(datasets=("d2",)), WHO)
    assert new
    assert other.version != first.version


def test_a_refused_model_leaves_nothing(registry: Registry, tmp_path: Path) -> None:
    folder = model(tmp_path / "bad")
    (folder / "x.pt").write_bytes(b"x")
    with pytest.raises(TuneError):
        registry.register("generator", folder, Origin(), WHO)
    assert registry.versions("generator") == []


def test_an_adapter_is_published_with_its_base_by_id(registry: Registry, tmp_path: Path) -> None:
    source = adapter(tmp_path / "a", str(tmp_path / "base"))
    manifest, _ = registry.register("generator", source, Origin(base=Base(id="org/base")), WHO)
    text = (registry.version_folder(manifest.version) / "adapter_config.json").read_text()
    assert json.loads(text)["base_model_name_or_path"] == "org/base"
    assert str(tmp_path) not in text


@pytest.mark.parametrize("damage", ["change", "remove", "add"])
def test_verification_finds_damage(registry: Registry, damage: str) -> None:
    folder = registry.version_folder(registered(registry, 1).version)
    if damage == "change":
        weights = folder / "model.safetensors"
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(content)
    elif damage == "remove":
        (folder / "config.json").unlink()
    else:
        (folder / "extra.json").write_text("{}")
    assert len(problems(folder)) == 1


def test_unknown_versions_are_named(registry: Registry) -> None:
    known = registered(registry, 1).version
    strange = ("../../etc", "nothing", "", "gen-..", f"{known}/", f"{known}\n", f"{known}\0", f"x/../{known}")
    for name in ("gen-20260101-000000000000", *strange):
        with pytest.raises(TuneError, match="no version"):
            registry.version_folder(name)


def test_aliases_that_lead_out_of_the_registry_are_damaged(registry: Registry) -> None:
    registered(registry, 1)
    path = registry.folder("generator") / "aliases.json"
    path.write_text(json.dumps({"aliases": {"champion": {"version": "../../../etc"}}}))
    with pytest.raises(TuneError, match="is damaged"):
        registry.resolve("generator")


def test_links_in_a_version_are_damage(registry: Registry, tmp_path: Path) -> None:
    folder = registry.version_folder(registered(registry, 1).version)
    (folder / "more").symlink_to(tmp_path, target_is_directory=True)
    assert problems(folder) == ["more is not in the manifest"]
    (folder / "more").unlink()
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert problems(folder) == ["the version's folder is a link"]


def test_a_registry_that_cannot_be_written_can_be_read(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = registered(registry, 1)
    promote(registry, one.version, "champion", WHO, expected=None, forced="t")
    opened = os.open

    def read_only(path: Path, flags: int, *mode: int) -> int:
        if flags & (os.O_RDWR | os.O_WRONLY | os.O_CREAT):
            raise OSError(errno.EROFS, "Read-only file system")
        return opened(path, flags, *mode)

    monkeypatch.setattr(durable.os, "open", read_only)
    assert registry.resolve("generator").version == one.version
    with pytest.raises(TuneError, match="cannot be changed: Read-only"):
        rollback(registry, "generator", WHO, expected=one.version)
    with pytest.raises(TuneError, match="takes `resolve`"), registry.leased("generator"):
        pass


def test_a_history_line_cut_by_a_crash_is_passed_over_and_not_glued(registry: Registry) -> None:
    registered(registry, 1)
    with (registry.root / FILE).open("ab") as file:
        file.write(b'{"id": "half')
    second = registered(registry, 2)
    assert [event.version for event in read_events(registry.root)][1:] == [second.version]


def test_a_registration_whose_event_was_lost_is_written_down_when_it_is_repeated(registry: Registry) -> None:
    manifest = registered(registry, 1)
    (registry.root / FILE).unlink()
    registered(registry, 1)
    assert [event.version for event in read_events(registry.root)] == [manifest.version]
