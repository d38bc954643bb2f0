import pytest

from repartee_eval.reports.judge_health import judge_calls
from repartee_eval.reports.run_facts import facts, headline
from repartee_eval.run_result import read_result
from tests.unit.repartee_eval.made_runs import CRITERIA, drawn, failed, flags_of, made_case, make_run, row

CASES = [made_case(number) for number in range(40)]


def next_step(tmp_path, cases, rows, flagged=None, **given) -> str:
    return headline(read_result(make_run(tmp_path / "r", cases, rows, flagged, **given))).next_step


def test_who_has_to_decide_is_told_what_to_do(tmp_path):
    many = [row for case in CASES[:10] for name in CRITERIA for row in failed(case, name)]
    steps = {
        "ship": next_step(tmp_path / "1", CASES, drawn(CASES, 0.9)),
        "worse": next_step(tmp_path / "2", CASES, drawn(CASES, 0.1)),
        "few": next_step(tmp_path / "3", CASES[:9], drawn(CASES[:9], 0.9)),
        "stopped": next_step(tmp_path / "4", CASES, drawn(CASES[:35], 0.9)),
        "unchecked": next_step(
            tmp_path / "6", CASES, drawn(CASES, 0.9), flags_of(CASES, ["hate"]), floors=["hate"]
        ),
        "failed": next_step(tmp_path / "5", CASES, drawn(CASES[10:], 0.9) + many),
    }
    assert steps["ship"].startswith("Put B in the place of A")
    assert "cases that B lost" in steps["worse"]
    assert "30 items of 10 dialogues" in steps["few"]
    assert steps["stopped"].startswith("Keep A. Repeat the command")
    assert "Ask for the floor checks sexting, " in steps["unchecked"].replace(
        "suicide_talk, real_life_meeting, ", ""
    )
    assert "why calls failed" in steps["failed"]


def test_an_open_question_says_how_much_more_would_settle_it(tmp_path):
    cases = [made_case(number) for number in range(120)]
    result = read_result(make_run(tmp_path / "r", cases, drawn(cases, 0.58, seed=1)))
    rates = [rate for rate in result.win_rates if not rate.non_inferior]
    assert rates
    # the bound's distance falls with the root of n, and has to fall to the room above 1/2 - margin
    times = max(((one.win_rate_b - one.lower) / (one.win_rate_b - 0.45)) ** 2 for one in rates)
    assert f"about {times:.1f} times as many dialogues" in headline(result).next_step


def test_the_facts_name_judges_prompts_data_and_seed(tmp_path):
    found = dict(facts(read_result(make_run(tmp_path / "r", CASES, drawn(CASES, 0.9)))))
    assert found["data dialogues"] == "cdcdcdcdcdcd"
    assert found["prompt pairwise of judge-1"] == "abababababab"
    assert (found["seed"], found["A, the old model"]) == ("0", "old-model")
    assert found["cases"] == "40, of which 0 not judged"


def test_missing_floors_and_emulated_users_are_cautions(tmp_path):
    side = CASES[0].b.model_copy(update={"emulated": True})
    cases = [CASES[0].model_copy(update={"b": side}), *CASES[1:]]
    result = read_result(make_run(tmp_path / "r", cases, drawn(cases, 0.9), (), floors=[]))
    assert headline(result).cautions[:2] == (
        "Emulated: a model played the user in dialogues that were judged.",
        "Floors were not checked in this run.",
    )


@pytest.mark.parametrize(("joint", "calls"), [(True, 40), (False, 120)])
def test_a_call_about_all_criteria_is_one_call(tmp_path, joint, calls):
    rows = [
        row(case, "b", criterion=name, latency=float(number))
        for number, case in enumerate(CASES)
        for name in CRITERIA
    ]
    result = read_result(make_run(tmp_path / "r", CASES, rows, judge_settings={"joint": joint}))
    found = judge_calls(result)[0]
    assert (found.calls, found.p50, found.rows) == (calls, 19.5, 120)
    assert found.cost == pytest.approx(0.12)


def test_failures_are_counted_by_reason(tmp_path):
    rows = drawn(CASES[2:], 0.9) + failed(CASES[0], CRITERIA[0]) + failed(CASES[1], CRITERIA[0], "refused")
    result = read_result(make_run(tmp_path / "r", CASES, rows, flags_of(CASES, [])))
    assert judge_calls(result)[0].failed == {"refused": 2, "timeout": 2}
