"""What people thought of served replies becomes rows with the prompt that was really sent."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from repartee.integrations.jsonl_event_log import JsonlEventLog
from repartee_tune.data.feedback import Opinion, opinion_of
from repartee_tune.lineage import user_hash
from tests.fakes import FakeChatModel
from tests.serving import fake_api, served
from tests.unit.repartee_tune.data.commands import failed, read, run_beside

CHATS = 6


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPARTEE_DATA_DIR", str(tmp_path / "service"))


class _Chat:
    def __init__(self, client: httpx2.AsyncClient, user: str) -> None:
        self._client, self._user = client, user
        self.history: list[dict[str, str]] = []

    async def ask(self, text: str, feedback: str = "", **more: Any) -> str:
        if not more:
            self.history.append({"role": "user", "text": text})
        request = {"character": "marlow", "user": {"id": self._user}, "messages": self.history, **more}
        response = await self._client.post("/generate", json=request)
        response.raise_for_status()
        reply = response.json()
        if more:
            self.history.pop()
        self.history.append({"role": "character", "text": reply["text"]})
        if feedback:
            verdict = {"reply_id": reply["id"], "verdict": feedback}
            (await self._client.post("/feedback", json=verdict)).raise_for_status()
        return str(reply["id"])


async def _log(folder: Path) -> Path:
    """Serve six chats: each has a liked reply, a disliked one, and one regenerated into a liked one."""
    folder.mkdir()
    told = [f"I kept {at * 7919} letters under plank {at * 104729}." for at in range(1, 4 * CHATS + 1)]
    api = fake_api(model=FakeChatModel(*told), event_log=JsonlEventLog(folder, 1 << 20))
    async with served(api) as url, httpx2.AsyncClient(base_url=url, timeout=20) as client:
        for at in range(CHATS):
            chat = _Chat(client, f"user{at}")
            await chat.ask(f"What did the {at * 31337}th captain hide behind wall {at * 15485863}?", "like")
            await chat.ask(f"And the {at * 32452843}th one?", "dislike")
            await chat.ask(f"What of the mate of ship number {at * 49979687}?")
            await chat.ask("", "like", mode="regenerate")
    return folder


async def test_likes_dislikes_and_regenerations_become_kto_rows(tmp_path: Path) -> None:
    log, out = await _log(tmp_path / "events"), tmp_path / "set"
    arguments = ("--kind", "kto", "--split", "dialogue", "--to", out)
    result = await run_beside("data", log, *arguments)
    assert "24 found (dislike 6, like 12, regenerate 6)" in result.stdout
    rows = [row for part in ("train", "eval") for row in read(out / f"{part}.jsonl")]
    sources = [row["provenance"]["source"] for row in rows]
    assert (sources.count("like"), sources.count("dislike"), sources.count("regenerate")) == (12, 6, 4)
    assert all(row["label"] is (row["provenance"]["source"] == "like") for row in rows)
    assert {row["provenance"]["prompt_from"] for row in rows} == {"logged"}
    assert {row["provenance"]["user"] for row in rows} == {user_hash(f"user{at}") for at in range(CHATS)}
    assert "user3" not in (out / "train.jsonl").read_text("utf-8")
    row = next(row for row in rows if "49979687" in row["prompt"][-2]["content"])
    assert row["prompt"][0]["role"] == "system"
    assert row["prompt"][1]["content"].startswith("What did the")


async def test_a_liked_reply_stands_against_the_one_it_replaced(tmp_path: Path) -> None:
    log, out = await _log(tmp_path / "events"), tmp_path / "set"
    arguments = ("--kind", "dpo", "--split", "dialogue", "--to", out, "--seed", 2)
    result = await run_beside("data", log, *arguments)
    assert "6 found (liked-over-discarded 6)" in result.stdout
    rows = [row for part in ("train", "eval") for row in read(out / f"{part}.jsonl")]
    assert {row["margin"] for row in rows} == {0.5}
    assert all(row["chosen"] != row["rejected"] for row in rows)
    assert all(len(row["provenance"]["reply_ids"]) == 2 for row in rows)


async def test_a_log_without_feedback_says_that_nothing_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "events"
    folder.mkdir()
    api = fake_api(model=FakeChatModel("Aye."), event_log=JsonlEventLog(folder, 1 << 20))
    async with served(api) as url, httpx2.AsyncClient(base_url=url, timeout=20) as client:
        await _Chat(client, "maya").ask("Anyone there?")
    told = failed(await run_beside("data", folder, "--kind", "kto", "--to", tmp_path / "set"))
    assert "no row for kto is left: of 0 found" in told


@pytest.mark.parametrize(
    ("feedback", "opinion"),
    [
        (["like"], "good"),
        (["dislike"], "bad"),
        (["flag", "regenerate"], "bad"),
        (["regenerate"], "weakly_bad"),
        (["like", "regenerate"], "good"),
        (["like", "dislike"], "torn"),
        ([], "none"),
    ],
)
def test_what_feedback_says(feedback: list[Any], opinion: Opinion) -> None:
    assert opinion_of(feedback) == opinion
