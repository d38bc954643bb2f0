"""`repartee-eval preferences` over a run that the real commands made, with the offline baseline."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import pytest
from click.testing import CliRunner, Result

from repartee_eval.cases import Case
from repartee_eval.cli.one_line_errors import OneLineErrors
from repartee_eval.cli.preferences import preferences
from repartee_eval.derived import Derived, write_derived
from repartee_eval.floor_checks import Flagged
from repartee_eval.judges.reading import FlagReading
from repartee_eval.preferences.writing import read_examples
from repartee_eval.runs.folder import open_run
from repartee_eval.runs.manifest import JudgeSection, Manifest
from repartee_eval.verdict_rows import Verdict, VerdictRow
from tests.unit.repartee_eval.judges.judging import reply_case, said, user, window_case

NAMES = ("vera", "marlow", "blaze")


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPARTEE_DATA_DIR", str(tmp_path / "data"))


def run(*arguments: object) -> Result:
    group = OneLineErrors("eval", {"preferences": preferences})
    result = CliRunner().invoke(group, ["preferences", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def _verdicts(case: Case, verdict: Verdict, second: Verdict | None = None) -> list[VerdictRow]:
    orders: tuple[tuple[Literal["a", "b"], Verdict], ...] = (("a", verdict), ("b", second or verdict))
    return [
        VerdictRow(case.id, case.cluster, "voice", "old", "new", first, told, judge="judge")
        for first, told in orders
    ]


def _case(number: int) -> Case:
    name = NAMES[number % 3]
    told = f"{number}: дверь {number * 7919} открыта, читай письма вслух {number * 104729}"
    case = reply_case(a=f"Как языковая модель {number * 31337} я не могу.", b=told, case_id=f"case-{number}")
    side = {"a": case.a.model_copy(update={"dialogue_id": f"d{number}"})}
    asked = user(f"{number * 15485863} бумаг нашлось за стеной {number * 32452843}. И что теперь?")
    shared = (*case.shared[:2], asked)
    return case.model_copy(update={"cluster": f"d{number}", "character_id": name, "shared": shared, **side})


async def _judged(folder: Path, special: Mapping[int, Case] = MappingProxyType({})) -> Path:
    """Make a run: 12 wins of B, one flip, one tie, one flagged winner, and a pair of windows that A wins."""
    cases = [special.get(number) or _case(number) for number in range(15)]
    window = window_case()
    worse = window.b.model_copy(update={"messages": (*window.b.messages[:-1], said("Не помню."))})
    window = window.model_copy(update={"b": worse})
    rows = [row for case in cases[:12] for row in _verdicts(case, "b")]
    rows += _verdicts(cases[12], "a", "b") + _verdicts(cases[13], "tie") + _verdicts(cases[14], "b")
    rows += _verdicts(window, "a")
    manifest = Manifest(
        command="rollout", models=("old", "new"), config={}, data={}, seed=0,
        judges=(JudgeSection(id="judge", model="judge", endpoint="", prompts={}, criteria={}, settings={}),),
    )  # fmt: skip
    with open_run(folder, manifest) as opened:
        await opened.store.put_cases((case.id, case.model_dump_json()) for case in [*cases, window])
        await opened.store.replace_rows("judge", rows)
    flag = FlagReading("hate", "mild")
    write_derived(folder, Derived(flagged=(Flagged("case-14", "b", "s", (flag,)),)))
    return folder


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


async def test_a_run_becomes_rows_of_three_formats_with_their_origin(tmp_path: Path) -> None:
    folder, out = await _judged(tmp_path / "run-1"), tmp_path / "out"
    result = _in_thread(folder, "--to", out)
    text = result.stdout + result.stderr
    assert "17 found (eval-run 15, eval-window 2)" in text
    assert "tie_or_flip" in text
    rows = _rows(out / "dpo/train.jsonl")
    row = rows[0]
    assert [turn["role"] for turn in row["prompt"]] == ["system", "user", "assistant", "user", "system"]
    assert "Вера" in row["prompt"][0]["content"]
    assert row["chosen"][0]["content"].split(":")[0] == row["provenance"]["case"].removeprefix("case-")
    assert row["rejected"][0]["content"].startswith("Как языковая модель")
    known = {
        key: row["provenance"][key]
        for key in ("run", "judges", "criteria", "orders", "chosen_model", "rejected_model")
    }
    assert known == {
        "run": "run-1", "judges": ["judge"], "criteria": ["voice"], "orders": ["ab", "ba"],
        "chosen_model": "new", "rejected_model": "old",
    }  # fmt: skip
    assert row["margin"] == 1.0
    parts = {part: _rows(out / f"dpo/{part}.jsonl") for part in ("train", "eval")}
    who = {part: {row["provenance"]["character"] for row in rows} for part, rows in parts.items()}
    assert not who["train"] & who["eval"]
    assert sum(map(len, parts.values())) == 12
    assert not any(row["provenance"]["case"] == "case-14" for rows in parts.values() for row in rows)
    kto = [*_rows(out / "kto/train.jsonl"), *_rows(out / "kto/eval.jsonl")]
    assert {row["label"] for row in kto if row["provenance"]["source"] == "eval-window"} == {True, False}


async def test_the_same_command_writes_the_same_bytes_and_then_nothing(tmp_path: Path) -> None:
    folder = await _judged(tmp_path / "run-1")
    for name in ("one", "two"):
        _in_thread(folder, "--to", tmp_path / name)
    files = {path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()}
    assert len(files) == 8
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert "nothing to do" in _in_thread(folder, "--to", tmp_path / "one").stdout
    other = _in_thread(folder, "--to", tmp_path / "one", "--split", "dialogue", "--seed", "4")
    assert other.exit_code == 1
    assert "choose another folder" in other.stderr


async def test_scores_floor_the_chosen_reply_and_the_funnel_is_data(tmp_path: Path) -> None:
    folder = await _judged(tmp_path / "run-1")
    scores = tmp_path / "scores.jsonl"
    chosen = _case(3).b.messages[0].text
    scores.write_text(json.dumps({"id": "x", "output": chosen, "overall": 0.2}), "utf-8")
    result = _in_thread(folder, "--to", tmp_path / "out", "--scores", scores, "--json")
    steps = {step["step"]: step["removed"] for step in json.loads(result.stdout)["funnel"]["steps"]}
    assert (steps["low_score"], steps["tag_raised"], steps["tie_or_flip"]) == (1, 1, 2)


async def test_golden_cases_and_the_operators_texts_give_no_rows(tmp_path: Path) -> None:
    spoken = {number: {"b": _case(number).b.model_copy(update={"model": "safety"})} for number in (1, 2)}
    special = {number: _case(number).model_copy(update=fields) for number, fields in spoken.items()}
    special[3] = _case(3).model_copy(update={"golden": True})
    folder = await _judged(tmp_path / "run-1", special)
    result = _in_thread(folder, "--to", tmp_path / "out", "--json")
    steps = {step["step"]: step["removed"] for step in json.loads(result.stdout)["funnel"]["steps"]}
    assert (steps["golden_dialogue"], steps["operator_text"]) == (1, 2)


async def test_line_separators_in_replies_survive_the_folder(tmp_path: Path) -> None:
    odd = _case(1).b.model_copy(update={"messages": (said("Дверь\u2028 открыта\x85, читай письма вслух."),)})
    folder = await _judged(tmp_path / "run-1", {1: _case(1).model_copy(update={"b": odd})})
    assert _in_thread(folder, "--to", tmp_path / "out").exit_code == 0
    assert any("\u2028" in (one.chosen or "") for one in read_examples(tmp_path / "out"))


async def test_a_golden_item_in_the_rows_is_an_error_that_names_it(tmp_path: Path) -> None:
    folder, golden = await _judged(tmp_path / "run-1"), tmp_path / "golden.jsonl"
    golden.write_text(json.dumps({"item": "g1", "references": [_case(3).b.messages[0].text]}), "utf-8")
    result = _in_thread(folder, "--to", tmp_path / "out", "--golden", golden)
    assert result.exit_code == 1
    assert "golden.jsonl item g1 in case case-3" in result.stderr
    assert not (tmp_path / "out").exists()


async def test_an_unknown_judge_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    result = _in_thread(await _judged(tmp_path / "run-1"), "--to", tmp_path / "out", "--judge", "nobody")
    assert result.stderr.endswith("no verdict of judge nobody; there are: judge\n")


def _in_thread(*arguments: object) -> Result:
    """Run the command beside the test's own event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run, *arguments).result()
