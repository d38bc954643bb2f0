"""`repartee users …` over fakes instead of a running API."""

import json
from pathlib import Path

import pytest

from tests.commands import FakeRuntime, failed, run


@pytest.fixture
def runtime(tmp_path: Path) -> FakeRuntime:
    made = FakeRuntime(tmp_path)
    (tmp_path / "facts.txt").write_text("Likes tea\nЛюбит чай")
    run(made, "facts", "add", "--file", str(tmp_path / "facts.txt"), "--user-id", "maya")
    made.event_log.events = [{"type": "reply", "reply": {"id": "r1"}, "user": {"id": "maya"}}]
    return made


def test_everything_about_a_user_goes_to_a_file_that_only_its_owner_reads(
    runtime: FakeRuntime, tmp_path: Path
) -> None:
    out = tmp_path / "maya.jsonl"
    said = run(runtime, "users", "export", "--user-id", "maya", "--out", str(out)).stdout
    assert said == f"exported 2 facts and 1 event of maya to {out}\n"
    user, *facts, event = map(json.loads, out.read_text(encoding="utf-8").splitlines())
    assert user == {"type": "user", "user_id": "maya", "facts": 2, "events": 1}
    assert {fact["text"] for fact in facts} == {"Likes tea", "Любит чай"}
    assert event["event"] == runtime.event_log.events[0]
    assert out.stat().st_mode & 0o777 == 0o600


def test_a_user_is_erased_only_when_that_was_said(runtime: FakeRuntime) -> None:
    said = failed(run(runtime, "users", "erase", "--user-id", "maya"), status=2)
    assert said == "add --yes to erase everything about maya"
    assert len(runtime.store.all_facts()) == 2
    erased = run(runtime, "users", "erase", "--user-id", "maya", "--yes").stdout
    assert erased == "erased 2 facts and 1 event of maya\n"
    assert (runtime.store.all_facts(), runtime.event_log.events) == ([], [])


@pytest.mark.parametrize("command", [["export", "--out", "x"], ["erase", "--yes"]])
def test_a_user_id_is_checked_before_anything_is_opened(runtime: FakeRuntime, command: list[str]) -> None:
    runtime.failure = AssertionError("opened")
    said = failed(run(runtime, "users", *command, "--user-id", "../x"), status=2)
    assert said.startswith("user id must be 1 to 128 ASCII letters")


def test_a_log_that_cannot_be_read_is_one_line_and_leaves_no_file(
    runtime: FakeRuntime, tmp_path: Path
) -> None:
    runtime.event_log.failure = PermissionError(13, "Permission denied")
    out = tmp_path / "maya.jsonl"
    said = failed(run(runtime, "users", "export", "--user-id", "maya", "--out", str(out)), status=1)
    assert said.startswith("the event log cannot be read and rewritten (Permission denied)")
    assert not out.exists()


def test_a_place_that_cannot_be_written_is_one_line(runtime: FakeRuntime, tmp_path: Path) -> None:
    for out, why in ((tmp_path, "is not a file"), (tmp_path / "no" / "x", "No such file or directory")):
        said = failed(run(runtime, "users", "export", "--user-id", "maya", "--out", str(out)), status=2)
        assert said.startswith(f"--out {out}: {why}")
