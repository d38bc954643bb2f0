"""`repartee facts add`, with and without a running API, and with one that dies in the middle."""

import re
from pathlib import Path

import pytest

from tests.processes import CHECKOUT, Repartee, service

_MAYA = str(CHECKOUT / "examples" / "users" / "maya.json")
_SECONDS = 60


@pytest.fixture
def repartee(tmp_path: Path) -> Repartee:
    return Repartee(tmp_path)


def test_without_an_api_facts_are_added_once(repartee: Repartee) -> None:
    for _ in range(2):
        added = repartee.run("facts", "add", "--user-file", _MAYA)
        assert added.returncode == 0, added.stderr
        assert added.stdout.startswith("120 facts of maya are stored (Qdrant (embedded)")
        assert "stored 120 of 120" in added.stderr
    assert len(repartee.stored()) == 120


def test_with_a_running_api_facts_are_added_once_and_through_it(repartee: Repartee, tmp_path: Path) -> None:
    with service(tmp_path / "var"):
        for _ in range(2):
            added = repartee.run("facts", "add", "--user-file", _MAYA)
            assert added.returncode == 0, added.stderr
            assert re.fullmatch(r"120 facts of maya are stored \(http://127\.0\.0\.1:\d+\)\n", added.stdout)
        assert len(repartee.stored()) == 120
        assert (
            repartee.run("facts", "delete", "--user-id", "maya", "--yes").stdout
            == "deleted 120 facts of maya\n"
        )


def test_an_api_that_dies_loses_nothing_it_acknowledged(repartee: Repartee, tmp_path: Path) -> None:
    facts = [f"Has been to town number {number} of the long list" for number in range(5_000)]
    (tmp_path / "towns.txt").write_text("\n".join(facts))
    add = ["facts", "add", "--file", str(tmp_path / "towns.txt"), "--user-id", "maya"]
    with service(tmp_path / "var") as api, repartee.start(*add) as adding:
        assert adding.stderr is not None
        assert adding.stderr.readline().startswith("stored ")
        api.process.kill()
        _, stderr = adding.communicate(timeout=_SECONDS)
    [line] = [line for line in stderr.splitlines() if not line.startswith("stored ")]
    said = re.fullmatch(r"error: stored (\d+) of 5000 facts of maya: .*; running it again is safe", line)
    assert said, line
    assert adding.returncode == 1

    acknowledged = int(said[1])
    with service(tmp_path / "var"):
        assert 0 < acknowledged < 5_000
        assert repartee.stored() >= set(facts[:acknowledged])


def test_mistakes_are_one_line(repartee: Repartee, tmp_path: Path) -> None:
    (tmp_path / "broken.jsonl").write_text('"Likes tea"\n{"text": }\n')
    failed = repartee.run("facts", "add", "--file", "broken.jsonl", "--user-id", "maya")
    assert (failed.returncode, failed.stderr.count("\n")) == (2, 1)
    assert failed.stderr.startswith("error: broken.jsonl, line 2, column 10: is not JSON")
