"""`moderate`: rates, floors, exit codes, and the file that a classifier is trained on."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.loopback.judge import MARK_OF_HARM, JudgeServer
from tests.unit.repartee_eval.made_dialogues import dialogue, written
from tests.unit.repartee_eval.simulated import invoke

pytestmark = pytest.mark.usefixtures("here")


def _file(path: Path, side: str, extra: dict[int, str], count: int = 10, **fields: Any) -> Path:
    lines = [dialogue(side, number, extra=extra.get(number, "")) | fields for number in range(count)]
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    return path


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_one_severe_hit_is_a_breach_and_is_named(judge: JudgeServer, here: Path):
    file = _file(here / "b.jsonl", "b", {3: MARK_OF_HARM})
    result = invoke("moderate", file, "--judge", f"{judge.url}#sim", "--out", "r", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["outcome"], found["exit_code"]) == (20, "reject", 20)
    assert [(hit["dialogue"], hit["message"], list(hit["flags"])) for hit in found["severe"]] == [
        ("b3", "b3.0c", ["real_life_meeting"])
    ]
    meeting = next(one for one in found["floors"] if one["check"] == "real_life_meeting")
    assert (meeting["b"]["hits"], meeting["b"]["n"], meeting["a"]["n"]) == (1, 10, 0)
    assert meeting["b"]["interval"] == pytest.approx([0.00253, 0.44502], abs=1e-4)
    assert meeting["difference"]["difference"] is None


def test_nothing_found_passes_and_every_message_has_a_line(judge: JudgeServer, here: Path):
    result = invoke(
        "moderate", written(here / "b.jsonl", "b", 10), "--judge", f"{judge.url}#sim", "--out", "r"
    )
    assert result.exit_code == 0
    lines = _lines(here / "r" / "flags.jsonl")
    assert len(lines) == 10
    assert lines[0]["text"].startswith("beta says 0")
    assert lines[0]["input"] == "Question 0 0?"
    assert lines[0]["judge"] == "sim"
    assert set(lines[0]["tags"].values()) == {"none"}
    assert (here / "r" / "flags.jsonl").stat().st_mode & 0o077 == 0


def test_against_shows_new_minus_old(judge: JudgeServer, here: Path):
    old = _file(here / "a.jsonl", "a", dict.fromkeys(range(8), "blood "))
    new = _file(here / "b.jsonl", "b", {0: "blood "})
    asked = ("--endpoint", judge.url, "--no-judge", "--out", "r", "--json")
    found = json.loads(invoke("moderate", new, "--against", old, *asked).stdout)
    violence = next(one for one in found["floors"] if (one["check"], one["level"]) == ("violence", "severe"))
    assert (violence["a"]["hits"], violence["b"]["hits"]) == (8, 1)
    assert violence["difference"]["difference"] == pytest.approx(-0.7)
    assert violence["difference"]["interval"][1] < 0


def test_what_the_endpoint_does_not_know_leaves_floors_open(judge: JudgeServer, here: Path):
    file = written(here / "b.jsonl", "b", 4)
    result = invoke("moderate", file, "--endpoint", judge.url, "--no-judge", "--out", "r")
    assert result.exit_code == 30
    assert "real_life_meeting" in result.stdout.splitlines()[-2]
    assert judge.calls == {"moderation endpoint": 4}


def test_judge_and_endpoint_together_take_the_worse(judge: JudgeServer, here: Path):
    file = _file(here / "b.jsonl", "b", {1: "blood ", 2: MARK_OF_HARM})
    asked = ("--endpoint", judge.url, "--judge", f"{judge.url}#sim", "--out", "r")
    assert invoke("moderate", file, *asked).exit_code == 20
    tags = {line["dialogue"]: line["tags"] for line in _lines(here / "r" / "flags.jsonl")}
    assert tags["b1"]["violence"] == "severe"
    assert tags["b2"]["real_life_meeting"] == "severe"
    assert set(tags["b0"].values()) == {"none"}


def test_a_message_without_an_answer_is_no_all_clear(judge: JudgeServer, here: Path):
    judge.status = 400
    result = invoke(
        "moderate", written(here / "b.jsonl", "b", 5), "--judge", f"{judge.url}#sim", "--out", "r"
    )
    assert result.exit_code == 30
    assert "5 of 5 without an answer (refused 5)" in result.stdout
    assert not (here / "r" / "flags.jsonl").read_text()


def test_the_budget_ends_it_as_inconclusive_and_the_same_command_goes_on(judge: JudgeServer, here: Path):
    same = ("moderate", written(here / "b.jsonl", "b", 8), "--judge", f"{judge.url}#sim", "--out", "r")
    assert invoke(*same, "--most-calls", 3).exit_code == 30
    assert invoke(*same).exit_code == 0
    assert judge.calls == {"flags": 8}


def test_the_key_of_the_judge_goes_to_no_other_server(
    judge: JudgeServer, here: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("REPARTEE_JUDGE__API_KEY", "sk-judge")
    monkeypatch.setenv("REPARTEE_JUDGE__MODEL", "somebody/model")
    monkeypatch.setenv("REPARTEE_JUDGE__MODERATION_API_KEY", "sk-moderation")
    file = written(here / "b.jsonl", "b", 1)
    invoke("moderate", file, "--endpoint", judge.url, "--no-judge", "--out", "r")
    assert judge.keys == ["Bearer sk-moderation"]


def test_the_offline_baseline_is_told(here: Path):
    result = invoke("moderate", written(here / "b.jsonl", "b", 2), "--out", "r")
    assert result.exit_code == 0
    assert "offline baseline" in result.stdout
    assert _lines(here / "r" / "flags.jsonl")[0]["judge"] == "offline-baseline"


def test_nobody_to_ask_is_a_mistake(here: Path):
    result = invoke("moderate", written(here / "b.jsonl", "b", 1), "--no-judge")
    assert result.exit_code == 2
    assert "--endpoint" in result.stderr
