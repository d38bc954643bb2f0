from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from shutil import rmtree

import pytest

from repartee_tune.errors import TuneError
from repartee_tune.registry.aliases import Alias
from repartee_tune.registry.collection import Collected, Retention, collect
from repartee_tune.registry.manifest import Base, Kind, Origin
from repartee_tune.registry.promotion import promote, rollback
from repartee_tune.registry.store import Registry, Resolved
from tests.unit.repartee_tune.registry.models import WHO, registered

GREEDY = Retention(keep_last=0, within=timedelta(0))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry")


def test_keeps_what_an_alias_means_and_deletes_the_rest(registry: Registry) -> None:
    one, two, three = (registered(registry, number) for number in (1, 2, 3))
    promote(registry, one.version, "champion", WHO, expected=None, forced="t")
    promote(registry, two.version, "champion", WHO, expected=one.version, forced="t")
    assert collect(registry, GREEDY, WHO, dry_run=True).deleted == (three.version,)
    assert collect(registry, GREEDY, WHO).deleted == (three.version,)
    assert [one.version for one in registry.versions("generator")] == [one.version, two.version]


def test_keeps_what_is_new_or_was_used_lately(registry: Registry) -> None:
    registered(registry, 1)
    assert collect(registry, Retention(keep_last=0), WHO).deleted == ()
    assert collect(registry, Retention(keep_last=1, within=timedelta(0)), WHO).deleted == ()


def test_keeps_the_base_of_what_it_keeps(registry: Registry) -> None:
    base = registered(registry, 1)
    tuned = registered(registry, 2, origin=Origin(base=Base(id=f"registry:generator/{base.version}")))
    promote(registry, tuned.version, "champion", WHO, expected=None, forced="t")
    assert collect(registry, GREEDY, WHO).deleted == ()


def test_keeps_previous_through_promotions_and_rollbacks(registry: Registry) -> None:
    one, two, three = (registered(registry, number) for number in (1, 2, 3))
    promote(registry, one.version, "champion", WHO, expected=None, forced="t")
    promote(registry, two.version, "champion", WHO, expected=one.version, forced="t")
    promote(registry, three.version, "canary", WHO, expected=None, forced="t")
    assert collect(registry, GREEDY, WHO).deleted == ()
    rollback(registry, "generator", WHO, expected=two.version)
    assert collect(registry, GREEDY, WHO).deleted == (two.version,)
    assert registry.resolve("generator").folder.is_dir()


def test_nothing_is_deleted_while_a_manifest_cannot_be_read(registry: Registry) -> None:
    base = registered(registry, 1)
    tuned = registered(registry, 2, origin=Origin(base=Base(id=f"registry:generator/{base.version}")))
    promote(registry, tuned.version, "champion", WHO, expected=None, forced="t")
    (registry.version_folder(tuned.version) / "manifest.json").write_text("{")
    with pytest.raises(TuneError, match=f"manifest of {tuned.version}"):
        collect(registry, GREEDY, WHO)
    assert registry.version_folder(base.version).is_dir()


def test_a_reader_streams_on_while_its_version_is_replaced_and_collected(registry: Registry) -> None:
    one, two, three = (registered(registry, number) for number in (1, 2, 3))
    promote(registry, one.version, "champion", WHO, expected=None, forced="t")
    with registry.leased("generator") as resolved:
        with (resolved.folder / "model.safetensors").open("rb") as stream:
            head = stream.read(16)
            promote(registry, two.version, "champion", WHO, expected=one.version, forced="t")
            promote(registry, three.version, "champion", WHO, expected=two.version, forced="t")
            collect(registry, GREEDY, WHO)
            whole = head + stream.read()
        assert whole == (resolved.folder / "model.safetensors").read_bytes()
    assert sha256(whole).hexdigest() == one.files[1].sha256


def test_a_clock_that_went_backwards_deletes_nothing_that_is_new(registry: Registry) -> None:
    one = registered(registry, 1)
    manifest = registry.version_folder(one.version) / "manifest.json"
    ahead = one.model_copy(update={"created": one.created + timedelta(days=1)})
    manifest.write_bytes(ahead.as_json())
    assert collect(registry, Retention(keep_last=0), WHO).deleted == ()


def test_spares_a_version_that_a_reader_leases(registry: Registry) -> None:
    one, two, three = (registered(registry, number) for number in (1, 2, 3))
    promote(registry, one.version, "champion", WHO, expected=None, forced="t")
    with registry.leased("generator") as resolved:
        promote(registry, two.version, "champion", WHO, expected=one.version, forced="t")
        promote(registry, three.version, "champion", WHO, expected=two.version, forced="t")
        assert collect(registry, GREEDY, WHO) == Collected((), 0, (one.version,))
        assert resolved.folder.is_dir()
    assert collect(registry, GREEDY, WHO).deleted == (one.version,)


def test_removes_what_a_killed_process_left(registry: Registry) -> None:
    registered(registry, 1)
    versions = registry.root / "generator/versions"
    (versions / ".tmp-dead").mkdir()
    (versions / ".trash-dead").mkdir()
    assert collect(registry, Retention(), WHO).leftovers == 2
    assert not list(versions.glob(".*"))


def test_refuses_negative_retention() -> None:
    with pytest.raises(TuneError, match="cannot be negative"):
        Retention(keep_last=-1)


class SlowReader(Registry):
    """Resolves what the champion was before it lost the name and was deleted."""

    stale: list[Resolved]

    def resolve(self, kind: Kind, alias: Alias = "champion") -> Resolved:
        return self.stale.pop() if self.stale else super().resolve(kind, alias)


def test_a_reader_that_comes_too_late_gets_what_the_alias_means_now(registry: Registry) -> None:
    one, two = registered(registry, 1), registered(registry, 2)
    promote(registry, one.version, "champion", WHO, expected=None, forced="t")
    reader = SlowReader(registry.root)
    reader.stale = [registry.resolve("generator")]
    promote(registry, two.version, "champion", WHO, expected=one.version, forced="t")
    rmtree(registry.version_folder(one.version))
    with reader.leased("generator") as resolved:
        assert resolved.version == two.version


def test_a_champion_whose_folder_is_missing_is_an_error_and_no_endless_wait(registry: Registry) -> None:
    one = registered(registry, 1)
    promote(registry, one.version, "champion", WHO, expected=None, forced="t")
    rmtree(registry.version_folder(one.version))
    with pytest.raises(TuneError, match="folder is missing"), registry.leased("generator"):
        pass
