from pathlib import Path

import pytest

from repartee_tune.errors import TuneError
from repartee_tune.registry.events import FILE, read_events
from repartee_tune.registry.manifest import Manifest
from repartee_tune.registry.promotion import promote, remove, rollback
from repartee_tune.registry.store import Registry
from tests.unit.repartee_tune.registry.models import WHO, passed, registered


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry")


def crowned(registry: Registry, manifest: Manifest, before: Manifest | None = None) -> None:
    old = before.version if before else None
    promote(registry, manifest.version, "champion", WHO, expected=old, evidence=passed(manifest, old))


def test_promotion_moves_champion_and_previous_together(registry: Registry) -> None:
    one, two = registered(registry, 1), registered(registry, 2)
    crowned(registry, one)
    crowned(registry, two, one)
    table = registry.aliases("generator")
    assert (table.version("champion"), table.version("previous")) == (two.version, one.version)
    assert registry.resolve("generator").folder == registry.version_folder(two.version)


def test_of_two_promoters_with_the_same_expectation_one_wins(registry: Registry) -> None:
    one, two, three = (registered(registry, number) for number in (1, 2, 3))
    crowned(registry, one)
    crowned(registry, two, one)
    with pytest.raises(TuneError, match="somebody else moved it first"):
        crowned(registry, three, one)
    assert registry.aliases("generator").version("champion") == two.version


@pytest.mark.parametrize("decision", ["failed", "breached", "inconclusive"])
def test_only_a_passed_report_promotes(registry: Registry, decision: str) -> None:
    one = registered(registry, 1)
    with pytest.raises(TuneError, match="did not pass"):
        promote(registry, one.version, "champion", WHO, expected=None, evidence=passed(one, None, decision))
    with pytest.raises(TuneError, match="no gate report"):
        promote(registry, one.version, "canary", WHO, expected=None)
    assert registry.aliases("generator").aliases == {}


def test_a_report_about_other_files_or_another_champion_promotes_nothing(registry: Registry) -> None:
    one, two, three = (registered(registry, number) for number in (1, 2, 3))
    with pytest.raises(TuneError, match="about other files"):
        promote(registry, one.version, "champion", WHO, expected=None, evidence=passed(two))
    crowned(registry, one)
    crowned(registry, two, one)
    with pytest.raises(TuneError, match="run the gates again"):
        promote(
            registry,
            three.version,
            "champion",
            WHO,
            expected=two.version,
            evidence=passed(three, one.version),
        )


def test_force_is_kept_in_the_history(registry: Registry) -> None:
    one = registered(registry, 1)
    promote(registry, one.version, "champion", WHO, expected=None, forced="the champion is down")
    assert registry.history()[-1].details == {"forced": "the champion is down"}


def test_a_damaged_version_is_not_promoted_even_by_force(registry: Registry) -> None:
    one = registered(registry, 1)
    (registry.version_folder(one.version) / "config.json").write_text("{}")
    with pytest.raises(TuneError, match="not whole"):
        promote(registry, one.version, "champion", WHO, expected=None, forced="hurry")


def test_rollback_restores_and_a_second_one_cannot_undo_it(registry: Registry) -> None:
    one, two = registered(registry, 1), registered(registry, 2)
    crowned(registry, one)
    crowned(registry, two, one)
    rollback(registry, "generator", WHO, expected=two.version)
    assert registry.aliases("generator").version("champion") == one.version
    with pytest.raises(TuneError, match="no generator is previous"):
        rollback(registry, "generator", WHO, expected=one.version)


def test_a_canary_that_becomes_champion_is_no_canary_any_more(registry: Registry) -> None:
    one = registered(registry, 1)
    promote(registry, one.version, "canary", WHO, expected=None, evidence=passed(one))
    crowned(registry, one)
    assert set(registry.aliases("generator").aliases) == {"champion"}
    with pytest.raises(TuneError, match="not removed"):
        remove(registry, "generator", "champion", WHO)


def test_an_embedder_and_its_index_move_as_one(registry: Registry) -> None:
    one, two = registered(registry, 1, "embedder"), registered(registry, 2, "embedder")
    with pytest.raises(TuneError, match="needs the index"):
        promote(registry, one.version, "champion", WHO, expected=None, evidence=passed(one))
    promote(registry, one.version, "champion", WHO, expected=None, evidence=passed(one), index="facts-1")
    new = {"expected": one.version, "evidence": passed(two, one.version)}
    with pytest.raises(TuneError, match="holds the vectors of"):
        promote(registry, two.version, "champion", WHO, index="facts-1", **new)
    promote(registry, two.version, "champion", WHO, index="facts-2", **new)
    assert registry.resolve("embedder").index == "facts-2"
    rollback(registry, "embedder", WHO, expected=two.version)
    resolved = registry.resolve("embedder")
    assert (resolved.version, resolved.index) == (one.version, "facts-1")


def test_an_event_lost_to_a_kill_is_written_by_the_next_change(registry: Registry) -> None:
    one, two = registered(registry, 1), registered(registry, 2)
    written = (registry.root / FILE).read_bytes()
    crowned(registry, one)
    (registry.root / FILE).write_bytes(written)  # as if the process had ended after the flip
    assert [event.action for event in registry.history()] == ["register", "register", "promote"]
    crowned(registry, two, one)
    assert [event.action for event in read_events(registry.root)][2:] == ["promote", "promote"]
