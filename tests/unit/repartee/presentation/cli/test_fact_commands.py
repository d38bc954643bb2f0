"""`repartee facts …` over fakes instead of a running API."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from repartee.domain.errors import StoreLocked, UpstreamUnreachable
from repartee.domain.fact import Fact, TenantScope, fact_id, fact_key
from tests.commands import FakeRuntime, failed, run


@pytest.fixture
def runtime(tmp_path: Path) -> FakeRuntime:
    return FakeRuntime(tmp_path)


def _file(folder: Path, facts: list[str], user_id: str | None = None) -> str:
    content = {"facts": facts, **({"user": {"id": user_id}} if user_id else {})}
    path = folder / "facts.json"
    path.write_text(json.dumps(content))
    return str(path)


def test_facts_are_added_once(runtime: FakeRuntime, tmp_path: Path) -> None:
    file = _file(tmp_path, [f"Knows number {n}" for n in range(150)], "maya")
    for _ in range(2):
        result = run(runtime, "facts", "add", "--user-file", file)
        assert result.stdout == "150 facts of maya are stored (fake store)\n"
        assert "stored 64 of 150" in result.stderr
    assert "150 facts of maya" in run(runtime, "facts", "list", "--user-id", "maya").stderr


def test_facts_can_be_given_to_somebody_else(runtime: FakeRuntime, tmp_path: Path) -> None:
    file = _file(tmp_path, ["Likes tea"], "maya")
    assert (
        "1 fact of ann is stored" in run(runtime, "facts", "add", "--file", file, "--user-id", "ann").stdout
    )


def test_facts_of_nobody_are_refused(runtime: FakeRuntime, tmp_path: Path) -> None:
    said = failed(run(runtime, "facts", "add", "--file", _file(tmp_path, ["Likes tea"])), status=2)
    assert said.endswith("does not say whose facts these are: add --user-id ID (make: USER_ID=ID)")


@pytest.mark.parametrize("command", [["list"], ["delete", "--yes"]])
def test_a_user_id_is_checked_before_anything_is_opened(runtime: FakeRuntime, command: list[str]) -> None:
    runtime.failure = AssertionError("opened")
    said = failed(run(runtime, "facts", *command, "--user-id", "../x"), status=2)
    assert said.startswith("user id must be 1 to 128 ASCII letters")


def test_how_far_it_came_is_said_when_the_store_fails(runtime: FakeRuntime, tmp_path: Path) -> None:
    async def full(*_: object) -> None:
        if len(runtime.embedder.calls) > 128:
            raise UpstreamUnreachable("the disk is full", "store")
        await upsert(*_)

    upsert, runtime.store.upsert = runtime.store.upsert, full
    file = _file(tmp_path, [f"Knows number {n}" for n in range(150)], "maya")
    result = run(runtime, "facts", "add", "--file", file)
    said = result.stderr.splitlines()[-1]
    assert result.exit_code == 1
    assert said == "error: stored 128 of 150 facts of maya: the disk is full; running it again is safe"
    assert "128 facts of maya" in run(runtime, "facts", "list", "--user-id", "maya").stderr


def test_a_store_that_somebody_else_owns_is_one_line(runtime: FakeRuntime, tmp_path: Path) -> None:
    runtime.failure = StoreLocked("another process owns var/facts: stop it")
    result = run(runtime, "facts", "add", "--file", _file(tmp_path, ["Likes tea"], "maya"))
    assert failed(result, status=2) == "another process owns var/facts: stop it"


def test_a_listing_can_be_read_back(runtime: FakeRuntime, tmp_path: Path) -> None:
    run(runtime, "facts", "add", "--file", _file(tmp_path, ["Likes tea", "Любит чай"], "maya"))
    listing = run(runtime, "facts", "list", "--user-id", "maya", "--json").stdout
    assert "Любит чай" in listing
    (tmp_path / "again.json").write_text(listing)
    again = run(runtime, "facts", "add", "--file", str(tmp_path / "again.json"), "--user-id", "maya")
    assert again.stdout.startswith("2 facts of maya are stored")
    assert "2 facts" in run(runtime, "facts", "list", "--user-id", "maya").stderr


def test_everything_is_deleted_only_when_it_was_said(runtime: FakeRuntime, tmp_path: Path) -> None:
    run(runtime, "facts", "add", "--file", _file(tmp_path, ["Likes tea", "Has a cat"], "maya"))
    said = failed(run(runtime, "facts", "delete", "--user-id", "maya"), status=2)
    assert said == "add --yes to forget everything about maya"
    assert run(runtime, "facts", "delete", "--user-id", "maya", "--yes").stdout == "deleted 2 facts of maya\n"


def test_one_fact_is_deleted_by_its_id(runtime: FakeRuntime, tmp_path: Path) -> None:
    run(runtime, "facts", "add", "--file", _file(tmp_path, ["Likes tea", "Has a cat"], "maya"))
    named = [
        "facts",
        "delete",
        "--user-id",
        "maya",
        "--fact-id",
        fact_id(TenantScope("maya"), fact_key("user", "", "Likes tea")),
    ]
    assert run(runtime, *named).stdout == "deleted 1 fact of maya\n"
    assert failed(run(runtime, *named), status=2) == "this user has no fact with this id"


def test_facts_of_an_earlier_embedder_are_carried_over(runtime: FakeRuntime) -> None:
    scope = TenantScope("maya")
    fact = Fact(
        id=fact_id(scope, fact_key("user", "", "Likes tea")),
        text="Likes tea",
        created_at="2026-01-01T00:00:00Z",
    )
    runtime.archive.collections["old"] = [(scope, fact)]
    assert "carried over 1 fact from old, which is still there" in run(runtime, "facts", "reindex").stdout
    assert "which was deleted" in run(runtime, "facts", "reindex", "--drop").stdout
    assert run(runtime, "facts", "reindex").stdout.startswith("there is nothing to carry over")
    assert "Likes tea" in run(runtime, "facts", "list", "--user-id", "maya").stdout


def _add(runtime: FakeRuntime, tmp_path: Path, *texts: str) -> list[str]:
    """Add facts of maya and return their ids."""
    run(runtime, "facts", "add", "--file", _file(tmp_path, list(texts), "maya"))
    return [fact_id(TenantScope("maya"), fact_key("user", "", text)) for text in texts]


def _edit(runtime: FakeRuntime, fact: str, *changes: str) -> str:
    return run(runtime, "facts", "edit", "--user-id", "maya", "--fact-id", fact, *changes).stdout


def test_why_says_of_each_fact_whether_a_reply_would_use_it(runtime: FakeRuntime, tmp_path: Path) -> None:
    pinned, _, _ = _add(runtime, tmp_path, "Has a twin", "Likes green tea", "Rides a bike")
    _edit(runtime, pinned, "--pin")
    shown = run(runtime, "facts", "why", "green tea please", "--user-id", "maya").stdout
    rows = [line.split() for line in shown.splitlines()]
    assert rows[0] == ["verdict", "similarity", "recency", "rerank", "text"]
    assert rows[1] == ["1", "used:", "pinned", "0.000", "1.00", "–", "Has", "a", "twin"]
    assert rows[2] == ["2", "used", "0.667", "1.00", "–", "Likes", "green", "tea"]
    assert rows[3] == ["3", "not", "similar", "enough", "0.000", "1.00", "–", "Rides", "a", "bike"]
    assert shown.endswith("threshold 0.250, no reranker\na reply would use 2 of these 3 facts of maya\n")
    assert "\x1b" not in shown


def test_why_shows_as_many_as_asked_for_and_is_machine_readable(runtime: FakeRuntime, tmp_path: Path) -> None:
    _add(runtime, tmp_path, "Likes tea", "Likes green tea", "Likes black tea")
    asked = ("facts", "why", "tea", "--user-id", "maya", "--limit", "2")
    found = json.loads(run(runtime, *asked, "--json").stdout)
    assert (found["status"], len(found["candidates"])) == ("ok", 2)
    assert run(runtime, *asked).stdout.endswith("of these 2 facts of maya\n")


def test_why_leaves_out_what_only_others_know(runtime: FakeRuntime, tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(json.dumps([{"text": "Owes Blaze a beer", "character": "Blaze"}]))
    run(runtime, "facts", "add", "--file", str(tmp_path / "own.json"), "--user-id", "maya")
    asked = ("facts", "why", "a beer", "--user-id", "maya", "--character")
    assert "Owes Blaze" in run(runtime, *asked, "blaze").stdout
    assert run(runtime, *asked, "Vera").stdout == "maya has no facts to choose from\n"


@pytest.mark.parametrize("message", ["", "x" * 2_001])
def test_why_wants_a_message_that_the_api_takes_too(runtime: FakeRuntime, message: str) -> None:
    said = failed(run(runtime, "facts", "why", message, "--user-id", "maya"), status=2)
    assert said == "the message must have 1 to 2000 characters"


def test_a_listing_marks_what_is_special(runtime: FakeRuntime, tmp_path: Path) -> None:
    pinned, ended = _add(runtime, tmp_path, "Has a twin", "Lives in Bonn")
    assert _edit(runtime, pinned, "--pin") == f"{pinned}  (pinned) Has a twin\n"
    assert _edit(runtime, ended, "--ended") == f"{ended}  (no longer true) Lives in Bonn\n"
    own = {"text": "Sings", "owner": "character", "character": "Blaze", "supersedes": [pinned]}
    (tmp_path / "own.json").write_text(json.dumps([own]))
    run(runtime, "facts", "add", "--file", str(tmp_path / "own.json"), "--user-id", "maya")

    current = run(runtime, "facts", "list", "--user-id", "maya").stdout
    assert current.count("\n") == 1
    new = current.split()[0]
    assert current == f"{new}  (about the character, only Blaze knows) Sings\n"
    whole = run(runtime, "facts", "list", "--user-id", "maya", "--superseded")
    assert f"{pinned}  (superseded by {new}) Has a twin\n" in whole.stdout
    assert whole.stderr == "3 facts of maya\n"


def test_an_edit_changes_only_what_is_named(runtime: FakeRuntime, tmp_path: Path) -> None:
    [fact] = _add(runtime, tmp_path, "Likes tea")
    _edit(runtime, fact, "--pin")
    assert _edit(runtime, fact, "--text", "Likes coffee") == f"{fact}  (pinned) Likes coffee\n"
    assert _edit(runtime, fact, "--unpin", "--ended") == f"{fact}  (no longer true) Likes coffee\n"
    assert _edit(runtime, fact, "--holds") == f"{fact}  Likes coffee\n"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([], "give at least one of --text, --pin, --unpin, --ended and --holds"),
        (["--text", " "], "facts edit: text: String should have at least 1 character"),
    ],
)
def test_a_bad_edit_is_one_line(runtime: FakeRuntime, changes: list[str], said: str) -> None:
    named = ("facts", "edit", "--user-id", "maya", "--fact-id", "x")
    assert failed(run(runtime, *named, *changes), status=2) == said


def test_stats_count_each_embedders_collection(runtime: FakeRuntime, tmp_path: Path) -> None:
    pinned, ended, _ = _add(runtime, tmp_path, "Has a twin", "Lives in Bonn", "Likes tea")
    _edit(runtime, pinned, "--pin")
    _edit(runtime, ended, "--ended")
    old = Fact(id=ended, text="Lives in Bonn", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    runtime.archive.collections["old-1"] = [(TenantScope("ann"), old), (TenantScope("bob"), old)]
    rows = [line.split() for line in run(runtime, "facts", "stats").stdout.splitlines()]
    assert rows == [
        ["embedder", "profile", "facts", "users", "superseded", "pinned"],
        ["fake-64", "3", "1", "1", "1", "current"],
        ["old-1", "2", "2", "0", "0", "former"],
    ]
