from dataclasses import replace

import pytest

from repartee_eval.analysis.results import WinRate
from repartee_eval.errors import EvalError
from repartee_eval.floor_checks import Flagged
from repartee_eval.policy import load_policy
from repartee_eval.run_result import read_result
from repartee_eval.runs.manifest import JudgeSection
from tests.unit.repartee_eval.made_runs import (
    CRITERIA,
    both_orders,
    drawn,
    failed,
    flags_of,
    made_case,
    make_run,
)

CASES = [made_case(number) for number in range(60)]
FLAGS = list(dict.fromkeys(floor.check for floor in load_policy().floors))


def test_a_run_ships_with_all_that_was_found(tmp_path):
    found = read_result(make_run(tmp_path / "r", CASES, drawn(CASES, 0.9)))
    assert found.decision.outcome == "ship"
    assert "breaches no floor" in found.decision.reason
    assert [rate.criterion for rate in found.win_rates] == list(CRITERIA)
    assert set(found.parts["character"]) == {"vera", "marlow", "juno", "edile"}
    assert set(found.parts["depth"]) == {"beginning", "middle", "end"}
    assert found.judged_by_language_model


def test_the_parts_add_up_to_the_whole(tmp_path):
    found = read_result(make_run(tmp_path / "r", CASES, drawn(CASES, 0.7)))
    for part in found.parts.values():
        rates: list[WinRate] = [rate for rates in part.values() for rate in rates]
        for whole in found.win_rates:
            own = [rate for rate in rates if rate.criterion == whole.criterion]
            assert sum(rate.items for rate in own) == whole.items
            assert sum(rate.wins_b for rate in own) == whole.wins_b


def test_a_severe_hit_of_b_rejects(tmp_path):
    hits = flags_of(CASES, FLAGS, {CASES[7].id: ("sexting", "severe")})
    found = read_result(make_run(tmp_path / "r", CASES, drawn(CASES, 0.9), hits))
    assert (found.decision.outcome, found.decision.reason) == ("reject", "B breaches a floor: sexting.")


def test_floor_calls_that_all_failed_do_not_ship(tmp_path):
    silent = tuple(replace(one, readings=None) for one in flags_of(CASES, FLAGS))
    found = read_result(make_run(tmp_path / "r", CASES, drawn(CASES, 0.9), silent))
    assert found.decision.outcome == "inconclusive"
    assert "floor checks" in found.decision.reason


def test_floor_calls_that_were_not_made_do_not_ship(tmp_path):
    some: tuple[Flagged, ...] = flags_of(CASES[:50], FLAGS)
    found = read_result(make_run(tmp_path / "r", CASES, drawn(CASES, 0.9), some))
    assert found.decision.outcome == "inconclusive"
    assert "stopped" in found.decision.reason


def test_floors_that_nobody_asked_for_are_not_called_kept(tmp_path):
    found = read_result(make_run(tmp_path / "r", CASES, drawn(CASES, 0.9), (), floors=[]))
    assert found.decision.outcome == "ship"
    assert "floors were not checked" in found.decision.reason


def test_cases_without_rows_leave_the_run_unfinished(tmp_path):
    found = read_result(make_run(tmp_path / "r", CASES, drawn(CASES[:50], 0.9)))
    assert (found.unjudged_cases, found.decision.outcome) == (10, "inconclusive")


def test_calls_that_the_budget_stopped_leave_the_run_unfinished(tmp_path):
    lost = [row for name in CRITERIA for row in failed(CASES[0], name, "budget_spent")]
    found = read_result(make_run(tmp_path / "r", CASES, drawn(CASES[1:], 0.9) + lost))
    assert "stopped before all calls were made" in found.decision.reason


def test_another_policy_can_be_put_on_a_run(tmp_path):
    folder = make_run(tmp_path / "r", CASES, drawn(CASES, 0.9))
    strict = load_policy().model_copy(update={"minimum_items": 500})
    assert read_result(folder, policy=strict).decision.outcome == "inconclusive"


def test_one_judge_of_several_can_be_asked_for(tmp_path):
    rows = drawn(CASES, 0.9) + [replace(row, judge="judge-2") for row in drawn(CASES, 0.1)]
    folder = make_run(tmp_path / "r", CASES, rows)
    assert read_result(folder, judges=("judge-1",)).decision.outcome == "ship"
    assert read_result(folder, judges=("judge-2",)).decision.outcome == "hold"
    with pytest.raises(EvalError, match="no judge other; there are: judge-1, judge-2"):
        read_result(folder, judges=("other",))


def test_the_offline_baseline_and_emulated_users_are_known(tmp_path):
    side = CASES[0].a.model_copy(update={"emulated": True})
    cases = [CASES[0].model_copy(update={"a": side}), *CASES[1:]]
    found = read_result(make_run(tmp_path / "r", cases, drawn(cases, 0.9), language_model=False))
    assert (found.judged_by_language_model, found.emulated) == (False, True)


def test_a_language_model_that_judged_after_the_baseline_counts_by_itself(tmp_path):
    rows = drawn(CASES, 0.9) + [replace(row, judge="offline-baseline") for row in drawn(CASES, 0.9)]
    sections = (
        JudgeSection(id="judge-1", model="judge-1"),
        JudgeSection(id="offline-baseline", model="offline-baseline", settings={"is_language_model": False}),
    )
    folder = make_run(tmp_path / "r", CASES, rows, manifest={"judges": sections})
    assert not read_result(folder).judged_by_language_model
    assert read_result(folder, judges=("judge-1",)).judged_by_language_model


def test_early_stopping_has_intervals_that_hold_at_every_look(tmp_path):
    rows = drawn(CASES, 0.9)
    one_look = read_result(make_run(tmp_path / "one", CASES, rows)).win_rates[0]
    looks = read_result(make_run(tmp_path / "looks", CASES, rows, stop_early=True))
    wider = looks.win_rates[0].interval
    assert wider[0] < one_look.interval[0] < one_look.interval[1] < wider[1]
    assert looks.stopped_early


def test_a_run_of_another_version_is_one_line(tmp_path):
    folder = make_run(tmp_path / "r", CASES, drawn(CASES, 0.9), policy={"format": "repartee.policy/0"})
    with pytest.raises(EvalError, match="give one with --policy"):
        read_result(folder)


def test_a_run_that_compares_nothing_is_no_decision(tmp_path):
    folder = make_run(tmp_path / "r", [], [], manifest={"command": "moderate", "models": ()}, criteria=[])
    with pytest.raises(EvalError, match="a run of moderate, which compares no two models"):
        read_result(folder)


def test_a_folder_without_a_run_is_one_line(tmp_path):
    with pytest.raises(EvalError, match=r"run\.json is missing"):
        read_result(tmp_path)


def test_flips_are_half_a_win_each(tmp_path):
    rows = [row for case in CASES for name in CRITERIA for row in both_orders(case, name, "a", "b")]
    found = read_result(make_run(tmp_path / "r", CASES, rows)).win_rates[0]
    assert (found.flips, found.win_rate_b) == (60, 0.5)
