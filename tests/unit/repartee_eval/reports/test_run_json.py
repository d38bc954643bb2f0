import json

import pytest

from repartee_eval.judges.probes import ProbeAccuracy
from repartee_eval.reports.run_changes import changes
from repartee_eval.reports.run_json import as_json
from repartee_eval.run_result import read_result
from tests.unit.repartee_eval.made_runs import CRITERIA, both_orders, drawn, failed, made_case, make_run

CASES = [made_case(number) for number in range(40)]
KEYS = {
    "format", "command", "created", "models", "judged_by_language_model", "emulated", "decision", "policy",
    "win_rates", "parts", "floors", "judges", "probes", "analysis", "spending", "replies", "cases",
    "stopped_early", "manifest",
}  # fmt: skip


def strict(text: str) -> dict:
    def refused(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refused)


def test_the_keys_are_the_documented_ones(tmp_path):
    probe = ProbeAccuracy("judge-1", CRITERIA[0], "assistant", 10, 9, 1, 0.8)
    folder = make_run(tmp_path / "r", CASES, drawn(CASES, 0.9), probes=(probe,), replies=(40, 2))
    found = strict(as_json(read_result(folder)))
    assert set(found) == KEYS
    assert found["format"] == "repartee.report/1"
    assert (found["decision"]["outcome"], found["decision"]["exit_code"]) == ("ship", 0)
    assert found["probes"][0]["accuracy"] == 0.9
    assert found["replies"] == {"asked": 40, "unanswered": 2}
    assert found["judges"][0]["p50"] == 0.5
    assert found["models"] == {"a": "old-model", "b": "new-model"}


def test_the_cases_add_up_to_the_win_rates(tmp_path):
    rows = drawn(CASES[2:], 0.6) + [row for name in CRITERIA for row in failed(CASES[0], name)]
    rows += [
        row for name in CRITERIA for row in both_orders(CASES[1], name, "not_applicable", "not_applicable")
    ]
    found = strict(as_json(read_result(make_run(tmp_path / "r", CASES, rows))))
    reached = [case["outcomes"] for case in found["cases"]["outcomes"]]
    for rate in found["win_rates"]:
        own = [outcomes[rate["criterion"]] for outcomes in reached]
        counted = {name: own.count(name) for name in ("a", "b", "tie", "flip", "failed", "not_applicable")}
        assert counted == {
            "a": rate["wins_a"],
            "b": rate["wins_b"],
            "tie": rate["ties"],
            "flip": rate["flips"],
            "failed": 1,
            "not_applicable": 1,
        }


def test_a_run_of_which_nothing_is_known_has_nulls_and_no_nan(tmp_path):
    rows = [row for case in CASES for name in CRITERIA for row in failed(case, name)]
    found = strict(as_json(read_result(make_run(tmp_path / "r", CASES, rows))))
    assert found["decision"]["outcome"] == "inconclusive"
    assert found["judges"][0] | {"failed": {"timeout": 240}, "p50": None, "cost": None} == found["judges"][0]


def test_a_run_without_any_row_is_told_too(tmp_path):
    found = strict(as_json(read_result(make_run(tmp_path / "r", CASES, []))))
    assert (found["cases"]["unjudged"], found["decision"]["exit_code"]) == (40, 30)


def test_what_changed_is_part_of_it(tmp_path):
    before = read_result(make_run(tmp_path / "old", CASES, drawn(CASES, 0.3)))
    now = read_result(make_run(tmp_path / "new", CASES, drawn(CASES, 0.9)))
    found = strict(as_json(now, changes(before, now)))["against"]
    assert (found["outcome_before"], found["outcome_now"], found["run"]) == ("hold", "ship", "old")
    assert found["rates"][0]["before"] < found["rates"][0]["now"]
    assert {"rule": "better", "subject": "engagement", "before": False, "now": True} in found["lines"]
    assert found["differences"] == []


def test_half_a_surrogate_pair_can_be_written(tmp_path):
    result = read_result(make_run(tmp_path / "r", CASES, drawn(CASES, 0.9), manifest={"command": "a"}))
    odd = result.manifest.model_copy(update={"command": "a\ud800b"})
    text = as_json(type(result)(**{**_fields(result), "manifest": odd}))
    assert strict(text)["command"] == pytest.approx("a?b")


def _fields(result) -> dict:
    return {name: getattr(result, name) for name in type(result).__slots__}
