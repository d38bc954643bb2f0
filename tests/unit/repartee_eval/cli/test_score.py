"""`score`: means, the floor, the minimum, summaries."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.loopback.judge import JudgeServer
from tests.unit.repartee_eval.made_dialogues import written
from tests.unit.repartee_eval.simulated import invoke

pytestmark = pytest.mark.usefixtures("here")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_every_reply_gets_a_line_with_scores_and_reasons(judge: JudgeServer, here: Path):
    file = written(here / "b.jsonl", "b", 4, turns=2)
    result = invoke("score", file, "--judge", f"{judge.url}#sim", "--out", "r", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert found["judges"][0]["means"]["overall"]["value"] == pytest.approx(0.8)
    assert found["judges"][0]["means"]["overall"]["clusters"] == 4
    lines = _lines(here / "r" / "scores.jsonl")
    assert len(lines) == 8
    assert lines[0]["input"] == "Question 0 0?"
    assert lines[0]["output"].startswith("beta says 0 0")
    assert set(lines[0]["scores"]) == {"overall", "in_character", "coherence", "engagement"}
    assert lines[0]["explanations"]["overall"] == "so"
    assert (lines[0]["overall"], lines[0]["kept"], lines[0]["judge"]) == (0.8, True, "sim")


@pytest.mark.parametrize(("least", "status"), [("0.95", 20), ("0.5", 0)])
def test_a_mean_surely_below_the_least_is_a_breach(judge: JudgeServer, here: Path, least: str, status: int):
    file = written(here / "b.jsonl", "b", 60)
    asked = ("--judge", f"{judge.url}#sim", "--least", least, "--minimum", "0.9", "--out", "r")
    result = invoke("score", file, *asked)
    assert result.exit_code == status
    assert "60 of kind reply, 0 with 0.9 or more" in result.stdout


def test_few_scores_do_not_prove_that_the_mean_is_low(judge: JudgeServer, here: Path):
    file = written(here / "b.jsonl", "b", 3)
    asked = ("--judge", f"{judge.url}#sim", "--least", "0.9", "--out", "r")
    assert invoke("score", file, *asked).exit_code == 0


def test_whole_dialogues_have_one_score_each(judge: JudgeServer, here: Path):
    file = written(here / "b.jsonl", "b", 3, turns=2)
    invoke("score", file, "--kind", "dialogue", "--judge", f"{judge.url}#sim", "--out", "r")
    assert [line["id"] for line in _lines(here / "r" / "scores.jsonl")] == ["b0", "b1", "b2"]


def test_summaries_are_scored_on_their_own_dimensions(judge: JudgeServer, here: Path):
    file = written(here / "b.jsonl", "b", 3)
    summaries = here / "s.jsonl"
    summaries.write_text('{"dialogue": "b1", "summary": "They talk.", "id": "s1", "model": "m"}\n')
    invoke("score", file, "--summaries", summaries, "--judge", f"{judge.url}#sim", "--out", "r")
    (line,) = _lines(here / "r" / "scores.jsonl")
    assert (line["id"], line["dialogue"], line["output"]) == ("s1", "b1", "They talk.")
    assert set(line["scores"]) == {"overall", "coverage", "accuracy", "coherence", "informativeness"}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"dialogue": "nowhere", "summary": "x"}', "no dialogue has this id"),
        ('{"dialogue": "b0"}', "summary: Field required"),
        ("nonsense", "line 1"),
    ],
)
def test_a_bad_summary_is_told_with_its_line(here: Path, line: str, told: str):
    file = written(here / "b.jsonl", "b", 1)
    (here / "s.jsonl").write_text(f"{line}\n")
    result = invoke("score", file, "--summaries", here / "s.jsonl")
    assert result.exit_code == 1
    assert told in result.stderr


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("--kind", "summary"), "--summaries"),
        (("--dimensions", "nothing.yaml"), "neither dialogue, summary nor a file"),
    ],
)
def test_mistakes_name_the_option(here: Path, asked: tuple[str, ...], told: str):
    result = invoke("score", written(here / "b.jsonl", "b", 1), *asked)
    assert result.exit_code == 2
    assert told in result.stderr


def test_own_dimensions_without_an_overall_have_a_mean(judge: JudgeServer, here: Path):
    own = here / "own.yaml"
    own.write_text(
        "- {id: warmth, title: Warmth, question: How warm, guidance: Tone., low: Cold., high: Warm.}\n"
    )
    file = written(here / "b.jsonl", "b", 2)
    invoke("score", file, "--dimensions", own, "--judge", f"{judge.url}#sim", "--out", "r")
    line = _lines(here / "r" / "scores.jsonl")[0]
    assert (line["scores"], line["overall"]) == ({"warmth": 0.8}, 0.8)


def test_no_scores_at_all_are_inconclusive(judge: JudgeServer, here: Path):
    judge.status = 400
    result = invoke("score", written(here / "b.jsonl", "b", 3), "--judge", f"{judge.url}#sim", "--out", "r")
    assert result.exit_code == 30
    assert "without scores: refused 3" in result.stdout
