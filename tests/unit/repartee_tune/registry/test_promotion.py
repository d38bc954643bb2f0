import errno
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from repartee_tune.errors import TuneError
from repartee_tune.registry import durable, events, promotion
from repartee_tune.registry.events import FILE, Event, read_events
from repartee_tune.registry.manifest import Base, Manifest, Origin
from repartee_tune.registry.promotion import promote, remove, rollback
from repartee_tune.registry.store import Registry
from tests.unit.repartee_tune.registry.models import WHO, adapter, passed, registered


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


def test_an_index_of_a_version_that_has_no_alias_any_more_is_refused(registry: Registry) -> None:
    versions = [registered(registry, number, "embedder") for number in range(4)]
    before = None
    for number, one in enumerate(versions[:3]):
        promote(registry, one.version, "champion", WHO, expected=before, forced="t", index=f"facts-{number}")
        before = one.version
    with pytest.raises(TuneError, match=f"holds the vectors of {versions[0].version}"):
        promote(registry, versions[3].version, "champion", WHO, expected=before, forced="t", index="facts-0")


@pytest.mark.parametrize("index", ["../facts", "a/b", "", ".hidden", "facts\n"])
def test_an_index_has_a_plain_name(registry: Registry, index: str) -> None:
    one = registered(registry, 1, "embedder")
    with pytest.raises(TuneError, match="--index"):
        promote(registry, one.version, "champion", WHO, expected=None, forced="t", index=index)


def test_a_report_about_the_same_adapter_on_another_base_promotes_nothing(
    registry: Registry, tmp_path: Path
) -> None:
    source = adapter(tmp_path / "a", "org/base")
    good, _ = registry.register("generator", source, Origin(base=Base(id="org/base")), WHO)
    other, _ = registry.register("generator", source, Origin(base=Base(id="org/other")), WHO)
    assert good.content_sha256 == other.content_sha256
    gated = replace(passed(good), version=good.version)
    with pytest.raises(TuneError, match="about other files"):
        promote(registry, other.version, "champion", WHO, expected=None, evidence=gated)
    promote(registry, good.version, "champion", WHO, expected=None, evidence=gated)


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_the_aliases_as_they_were(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = registered(registry, 1), registered(registry, 2)
    crowned(registry, one)
    with monkeypatch.context() as full:
        full.setattr(durable.os, "fsync", full_disk)
        with pytest.raises(OSError, match="No space left"):
            crowned(registry, two, one)
    assert registry.aliases("generator").version("champion") == one.version
    assert not list(registry.folder("generator").glob(".tmp-*"))
    crowned(registry, two, one)


def test_a_disk_that_is_full_for_the_history_only_is_told_and_nothing_is_lost(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = registered(registry, 1), registered(registry, 2)
    with monkeypatch.context() as full:
        full.setattr(promotion, "append", full_disk)
        with pytest.raises(TuneError, match=r"is gen-.* now, but the history cannot be written"):
            crowned(registry, one)
    assert registry.aliases("generator").version("champion") == one.version
    crowned(registry, two, one)
    assert [event.action for event in read_events(registry.root)][2:] == ["promote", "promote"]


def test_a_line_of_the_history_is_written_whole_though_the_disk_takes_it_in_parts(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(events.os, "write", lambda to, content: write(to, content[:7]))
    one = registered(registry, 1)
    assert [event.version for event in read_events(registry.root)] == [one.version]


def test_a_clock_that_goes_backwards_changes_no_order(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = registered(registry, 1), registered(registry, 2)
    crowned(registry, one)
    monkeypatch.setattr(events, "_now", lambda: datetime.now(UTC) - timedelta(days=2))
    old = Event(action="promote", kind="generator", version=two.version, by="t", why="t", at=events._now())
    events.append(registry.root, old)
    assert registry.history()[-1] == old
    crowned(registry, two, one)
    rollback(registry, "generator", WHO, expected=two.version)
    assert registry.aliases("generator").version("champion") == one.version


def test_of_many_promoters_at_once_one_wins(registry: Registry) -> None:
    base, *others = (registered(registry, number) for number in range(7))
    crowned(registry, base)

    def attempt(manifest: Manifest) -> bool:
        try:
            crowned(registry, manifest, base)
        except TuneError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(attempt, others))
    assert sum(won) == 1
    assert registry.aliases("generator").version("champion") == others[won.index(True)].version


def test_an_event_lost_to_a_kill_is_written_by_the_next_change(registry: Registry) -> None:
    one, two = registered(registry, 1), registered(registry, 2)
    written = (registry.root / FILE).read_bytes()
    crowned(registry, one)
    (registry.root / FILE).write_bytes(written)  # as if the process had ended after the flip
    assert [event.action for event in registry.history()] == ["register", "register", "promote"]
    crowned(registry, two, one)
    assert [event.action for event in read_events(registry.root)][2:] == ["promote", "promote"]
