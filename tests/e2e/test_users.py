"""Everything about a user, read out and erased: through a running API with an event log, and without one."""

import json
import re
from pathlib import Path

import pytest

from tests.processes import Repartee, Service, service

_LOG_ON = {"REPARTEE_EVENTS__ENABLED": "true"}


@pytest.fixture
def repartee(tmp_path: Path) -> Repartee:
    return Repartee(tmp_path)


def _chat(api: Service, user_id: str, text: str) -> str:
    """Say something and like the reply, return the reply's id."""
    messages = [{"role": "user", "text": text}]
    body = {"messages": messages, "character": "blaze", "user": {"id": user_id, "name": "X"}}
    reply = api.post("/generate", body)
    assert reply.status == 200
    liked = {"reply_id": reply.body["id"], "verdict": "like", "reason": f"said to {user_id}"}
    assert api.post("/feedback", liked).status == 200
    return str(reply.body["id"])


def _remember(api: Service) -> dict[str, str]:
    """Give two users facts and a chat, return the reply of each."""
    replies = {}
    for user_id, pet in (("ann", "cat"), ("bob", "dog")):
        facts = {"facts": [{"text": f"{user_id} has a {pet} named Pickle"}, {"text": f"{user_id} likes tea"}]}
        assert api.post(f"/users/{user_id}/facts", facts).status == 200
        replies[user_id] = _chat(api, user_id, f"the {pet} of {user_id} broke a vase")
    return replies


def _rows(text: str) -> list[dict]:
    return [json.loads(line) for line in text.split("\n")[:-1]]


def _on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((folder / "events").iterdir()))


def test_a_user_is_read_out_and_erased_while_others_chat_on(tmp_path: Path) -> None:
    with service(tmp_path / "var", **_LOG_ON) as api:
        replies = _remember(api)
        answer = api.get("/users/ann/export")
        assert answer.headers["content-type"] == "application/x-ndjson"
        user, *rest = _rows(answer.body)
        assert user == {"type": "user", "user_id": "ann", "facts": 2, "events": 2}
        assert [row["type"] for row in rest] == ["fact", "fact", "event", "event"]
        reply, liked = (row["event"] for row in rest[2:])
        assert reply["reply"]["id"] == liked["reply_id"] == replies["ann"]
        assert "bob" not in answer.body

        assert api.delete("/users/ann").body == {"facts": 2, "events": 2}
        assert not re.search(rb"\bann\b", _on_disk(tmp_path / "var"))
        assert b"said to bob" in _on_disk(tmp_path / "var")
        later = _chat(api, "bob", "and now the lamp")
        exported = api.get("/users/bob/export").body
        assert _rows(exported)[0] == {"type": "user", "user_id": "bob", "facts": 2, "events": 4}
        assert later in exported
        assert "said to" not in api.output()


def test_the_commands_work_through_the_api_and_without_it(repartee: Repartee, tmp_path: Path) -> None:
    with service(tmp_path / "var", **_LOG_ON) as api:
        _remember(api)
        through = repartee.run("users", "export", "--user-id", "ann", "--out", "through.jsonl")
        assert through.stdout == "exported 2 facts and 2 events of ann to through.jsonl\n", through.stderr
        erased = repartee.run("users", "erase", "--user-id", "ann", "--yes")
        assert erased.stdout == "erased 2 facts and 2 events of ann\n", erased.stderr
        before = _rows(api.get("/users/bob/export").body)

    direct = repartee.run("users", "export", "--user-id", "bob", "--out", "direct.jsonl")
    assert direct.stdout == "exported 2 facts and 2 events of bob to direct.jsonl\n", direct.stderr
    assert _rows((tmp_path / "direct.jsonl").read_text(encoding="utf-8")) == before
    erased = repartee.run("users", "erase", "--user-id", "bob", "--yes")
    assert erased.stdout == "erased 2 facts and 2 events of bob\n", erased.stderr
    assert _on_disk(tmp_path / "var") == b""
    again = repartee.run("users", "erase", "--user-id", "bob", "--yes")
    assert again.stdout == "erased 0 facts and 0 events of bob\n"


def test_facts_are_moved_to_another_store_as_they_are(repartee: Repartee, tmp_path: Path) -> None:
    with service(tmp_path / "var") as api:
        added = api.post("/users/ann/facts", {"facts": [{"text": "Lives in Bonn"}, {"text": "Has a twin"}]})
        bonn, twin = (fact["id"] for fact in added.body["facts"])
        supersedes = {"facts": [{"text": "Lives in Ulm", "supersedes": [bonn]}]}
        assert api.post("/users/ann/facts", supersedes).status == 200
        assert repartee.run("facts", "edit", "--user-id", "ann", "--fact-id", twin, "--pin").returncode == 0
        counts = repartee.run("facts", "stats").stdout.splitlines()[1].split()[1:]
        assert counts == ["3", "1", "1", "1", "current"]
        refused = repartee.run("facts", "export")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr == (
            "error: all users' facts are only reached while no API runs: stop it before\n"
        )
        why = repartee.run("facts", "why", "where do you live", "--user-id", "ann", "--json")
        assert json.loads(why.stdout)["candidates"][0]["verdict"] == "pinned", why.stderr

    assert repartee.run("facts", "export", "--out", "all.jsonl").returncode == 0
    (tmp_path / "other").mkdir()
    other = Repartee(tmp_path / "other")
    moved = other.run("facts", "import", str(tmp_path / "all.jsonl"))
    assert moved.stdout == "imported 3 facts\n", moved.stderr
    assert other.run("facts", "export").stdout == (tmp_path / "all.jsonl").read_text(encoding="utf-8")
