"""Scored outputs become task rows; a task type is a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from repartee_tune.data.task_rows import load_task, shipped_tasks
from tests.unit.repartee_tune.data.commands import failed, read, run, write


def _scored(number: int, overall: float, **fields: Any) -> dict[str, Any]:
    told = f"{number * 7919} sailors, a storm, and a keeper who counted {number * 104729} waves"
    text = f"{told}, one by one and out loud."
    given = {"id": f"s{number}", "input": text, "output": f"Waves: {number}.", "scores": {}}
    return {**given, "overall": overall, **fields}


def test_rows_above_the_minimum_come_best_first_up_to_the_limit(tmp_path: Path) -> None:
    scored = write(tmp_path / "scores.jsonl", [_scored(at, at / 10) for at in range(1, 11)])
    out = tmp_path / "rows.jsonl"
    result = run("export", "--task", "summarization", scored, "--to", out, "--limit", 2)
    assert read(out) == [{"input": _scored(at, 1)["input"], "output": f"Waves: {at}."} for at in (10, 9)]
    assert "low_score" in result.stdout
    run("export", "--task", "summarization", scored, "--to", out, "--minimum-score", 0.9)
    assert len(read(out)) == 2


def test_a_low_dimension_a_cut_text_and_a_golden_one_are_left_out(tmp_path: Path) -> None:
    lines = [
        _scored(1, 0.9),
        _scored(2, 0.9, scores={"accuracy": 0.2}),
        _scored(3, 0.9, truncated=True),
        _scored(4, 0.9, golden=True),
        _scored(1, 0.8),
    ]
    out = tmp_path / "rows.jsonl"
    run("export", "--task", "summarization", write(tmp_path / "s.jsonl", lines), "--to", out)
    assert [row["output"] for row in read(out)] == ["Waves: 1."]


def test_of_several_judges_the_lowest_score_counts_and_hello_is_left_out(tmp_path: Path) -> None:
    lines = [_scored(1, 0.9), {**_scored(1, 0.2), "judge": "other"}, _scored(2, 0.8)]
    hello = {"input": "Привет!", "output": "Aye.", "overall": 1}
    out = tmp_path / "rows.jsonl"
    run("export", "--task", "qa", write(tmp_path / "s.jsonl", [*lines, hello]), "--to", out)
    assert [row["output"] for row in read(out)] == ["Waves: 2."]


def test_a_scored_greeting_that_answers_nobody_is_counted_out(tmp_path: Path) -> None:
    greeting = {"id": "rpl_1", "kind": "reply", "output": "*waves* Evening.", "overall": 0.9}
    scored = write(tmp_path / "s.jsonl", [greeting, _scored(1, 0.9)])
    result = run("export", "--task", "qa", scored, "--to", tmp_path / "rows.jsonl")
    left = [line.split() for line in result.stdout.splitlines()[1:3]]
    assert left == [["no_field", "-1", "1", "left"], ["user_withdrawn", "-0", "1", "left"]]
    assert len(read(tmp_path / "rows.jsonl")) == 1


def test_a_new_task_type_is_a_file_and_its_rows_train_as_sft(tmp_path: Path) -> None:
    task = tmp_path / "tone.yaml"
    task.write_text(
        "task: tone\ndescription: Tone.\ninput: ['Tone of: $text']\noutput: ['$tone']\nlabels: [dry, warm]\n",
        "utf-8",
    )
    lines = [
        {
            "text": f"{at * 7919} ropes and {at * 104729} knots",
            "tone": ("dry", "warm", "odd")[at % 3],
            "overall": 1,
        }
        for at in range(1, 13)
    ]
    out = tmp_path / "rows.jsonl"
    run("export", "--task", task, write(tmp_path / "s.jsonl", lines), "--to", out)
    rows = read(out)
    assert {row["output"] for row in rows} == {"dry", "warm"}
    assert all(row["input"].startswith("Tone of: ") for row in rows)
    run("data", out, "--kind", "sft", "--to", tmp_path / "set")
    assert len(read(tmp_path / "set/train.jsonl")) + len(read(tmp_path / "set/eval.jsonl")) == len(rows)


def test_a_question_takes_its_context_along(tmp_path: Path) -> None:
    line = {"question": "Who counts?", "context": "The keeper counts.", "answer": "The keeper.", "overall": 1}
    out = tmp_path / "rows.jsonl"
    run("export", "--task", "qa", write(tmp_path / "s.jsonl", [line]), "--to", out)
    assert read(out) == [{"input": "The keeper counts.\n\nWho counts?", "output": "The keeper."}]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"input": "a", "output": "b"}, "line 1: overall: must be a score from 0 to 1"),
        ({"input": "a", "output": "b", "overall": 7}, "overall: must be a score"),
        ({"output": "b", "overall": 1}, "input: none of"),
        (_scored(1, 0.1), "no row is left: of 1 found were removed: low_score 1"),
    ],
)
def test_what_cannot_be_exported_is_told(tmp_path: Path, line: dict[str, Any], told: str) -> None:
    scored = write(tmp_path / "s.jsonl", [line])
    assert told in failed(run("export", "--task", "summarization", scored, "--to", tmp_path / "out.jsonl"))


def test_every_shipped_task_loads_and_unknown_ones_are_told() -> None:
    assert {load_task(name).task for name in shipped_tasks()} == {"summarization", "classification", "qa"}
    result = run("export", "--task", "poetry", __file__, "--to", "unused.jsonl")
    assert "classification, qa, summarization" in failed(result)


def test_golden_items_are_refused(tmp_path: Path) -> None:
    golden = write(tmp_path / "golden.jsonl", [{"item": "g7", "references": [_scored(3, 1)["input"]]}])
    scored = write(tmp_path / "s.jsonl", [_scored(3, 1)])
    arguments = ("--task", "qa", scored, "--to", tmp_path / "out.jsonl", "--golden", golden)
    told = failed(run("export", *arguments))
    assert "golden.jsonl item g7" in told
    assert json.dumps(_scored(3, 1)["input"]) not in told
