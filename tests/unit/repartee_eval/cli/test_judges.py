"""`judges`: label sheets, and how good each judge is."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from repartee_eval.label_sheets import first_side
from repartee_eval.run_result import read_result
from tests.loopback.judge import MARK_OF_B, JudgeServer, Opinion
from tests.unit.repartee_eval.made_dialogues import written
from tests.unit.repartee_eval.simulated import CHEAP, invoke


@pytest.fixture
def run(judge: JudgeServer, here: Path) -> Path:
    """A run of 20 cases by one judge, directly and for a reason; B is better in each for people."""
    judge.opinion = Opinion(prefers_b=0.8)
    files = written(here / "a.jsonl", "a", 20), written(here / "b.jsonl", "b", 20)
    same = ("compare", *files, "--judge", f"{judge.url}#sim", "--out", here / "run", *CHEAP)
    invoke(*same, "--replicates", 2)
    invoke(*same, "--replicates", 2, "--mode", "reasoned", "--rejudge")
    return here / "run"


def _sheet(run: Path, most: int = 200) -> list[dict[str, str]]:
    path = run.parent / "sheet.csv"
    invoke("judges", run, "--template", path, "--most", most)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _answered(run: Path, rows: list[dict[str, str]], **answers: Any) -> Path:
    path = run.parent / "answered.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        sheet = csv.DictWriter(file, rows[0].keys())
        sheet.writeheader()
        for row in rows:
            better = "1" if MARK_OF_B in row["reply_1"] else "2"
            sheet.writerow(row | {"annotator": "kim", "in_character": better} | answers)
    return path


def test_a_sheet_names_no_model_and_shuffles_the_sides(run: Path):
    rows = _sheet(run)
    assert len(rows) == 20
    assert not any("model-" in cell or "sim" in cell for row in rows for cell in row.values())
    firsts = [MARK_OF_B in row["reply_1"] for row in rows]
    assert 3 < sum(firsts) < 17
    assert all(row["in_character"] == "" for row in rows)


def test_the_cases_with_most_disagreement_come_first(run: Path):
    found = read_result(run)
    split = {
        row.item
        for row in found.rows
        for other in found.rows
        if (row.item, row.criterion) == (other.item, other.criterion) and row.verdict != other.verdict
    }
    assert 0 < len(split) < 20
    order = [row["item"] in split for row in _sheet(run)]
    assert order == sorted(order, reverse=True)


def test_answers_are_read_back_to_the_right_side(run: Path):
    answered = _answered(run, _sheet(run))
    result = invoke("judges", run, "--labels", answered, "--json")
    found = json.loads(result.stdout)
    direct, reasoned = found["judges"]
    assert (direct["judge"], reasoned["judge"]) == ("sim@joint", "sim@reasoned-joint")
    assert found["labels"] == 20
    measured = {one["criterion"]: one for one in direct["criteria"]}
    quality = measured["in_character"]["quality"]
    assert quality["n"] == 20
    assert quality["confusion"]["a"] == {"a": 0, "b": 0, "tie": 0}  # people always prefer B
    assert quality["accuracy"] == quality["confusion"]["b"]["b"] / 20 > 0.5
    assert measured["engagement"]["quality"]["n"] == 0
    assert (
        measured["in_character"]["calls"]["latency_p50"] <= measured["in_character"]["calls"]["latency_p95"]
    )


def test_repeats_and_both_ways_are_compared(run: Path):
    found = json.loads(invoke("judges", run, "--json").stdout)
    repeats = found["judges"][0]["repeats"]
    assert repeats["groups"] == 20 * 2 * 3
    assert 0.5 < repeats["agreement"] < 1
    (ways,) = found["ways"]
    assert (ways["direct"], ways["reasoned"]) == ("sim@joint", "sim@reasoned-joint")
    assert ways["same"] == 1.0  # the simulated judge thinks the same for a reason


def test_corrected_win_rates_come_with_labels(run: Path):
    text = invoke("judges", run, "--labels", _answered(run, _sheet(run))).stdout
    for title in ("Judges against people", "Win rates of B corrected", "Bias and consistency", "Calls"):
        assert title in text


def test_an_answer_that_is_none_is_told_with_its_place(run: Path):
    answered = _answered(run, _sheet(run), engagement="left")
    result = invoke("judges", run, "--labels", answered)
    assert result.exit_code == 1
    assert "line 2: column engagement is 'left': write 1, 2 or tie" in result.stderr


def test_labels_of_another_run_are_told(run: Path):
    labels = run.parent / "labels.csv"
    labels.write_text("item,criterion,annotator,label\nelsewhere,in_character,kim,a\n")
    result = invoke("judges", run, "--labels", labels)
    assert result.exit_code == 1
    assert "labels of another run" in result.stderr


def test_each_side_stands_first_half_the_time():
    firsts = [first_side(7, f"item-{number}") for number in range(400)]
    assert 160 < firsts.count("a") < 240
    assert firsts != [first_side(8, f"item-{number}") for number in range(400)]
