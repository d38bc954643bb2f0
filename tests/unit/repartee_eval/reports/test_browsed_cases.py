from repartee_eval.reports.browsed_cases import MOST_TEXT, browsed_cases
from repartee_eval.reports.case_outcomes import case_outcomes
from repartee_eval.reports.floor_hits import floor_hits
from repartee_eval.run_result import read_result
from tests.unit.repartee_eval.made_runs import CRITERIA, both_orders, flags_of, made_case, make_run

CASES = [made_case(number) for number in range(40)]


def rows_with(outcomes: dict[int, tuple[str, str]]) -> list:
    """Return verdicts of which B wins all but those named by the case's number, on the first criterion."""
    return [
        row
        for number, case in enumerate(CASES)
        for name in CRITERIA
        for row in both_orders(case, name, *(outcomes.get(number, "bb") if name == CRITERIA[0] else "bb"))
    ]


def shown(tmp_path, most: int, outcomes: dict[int, tuple[str, str]], flagged=None) -> list[int]:
    result = read_result(make_run(tmp_path / "r", CASES, rows_with(outcomes), flagged))
    return [int(one.found.case, 16) for one in browsed_cases(result, most)]


def test_severe_flags_come_first_then_losses_and_flips(tmp_path):
    flagged = flags_of(CASES, ["hate"], {CASES[30].id: ("hate", "severe"), CASES[31].id: ("hate", "mild")})
    found = shown(tmp_path, 5, {7: ("a", "a"), 9: ("a", "b")}, flagged)
    assert found[0] == 30
    assert set(found[1:3]) == {7, 9}
    assert len(found) == 5


def test_the_rest_is_the_same_sample_each_time_and_not_the_first_ones(tmp_path):
    first, second = shown(tmp_path / "1", 10, {}), shown(tmp_path / "2", 10, {})
    assert first == second
    assert sorted(first) != list(range(10))


def test_none_and_all_can_be_asked_for(tmp_path):
    assert shown(tmp_path / "1", 0, {}) == []
    assert sorted(shown(tmp_path / "2", 1_000, {})) == list(range(40))


def test_the_outcome_of_a_case_is_the_one_that_win_rates_count(tmp_path):
    outcomes = {0: ("a", "a"), 1: ("a", "b"), 2: ("tie", "tie"), 3: ("a", "tie"), 4: ("failed", "b")}
    result = read_result(make_run(tmp_path / "r", CASES, rows_with(outcomes)))
    found = [one.outcomes[CRITERIA[0]] for one in case_outcomes(result)]
    assert found[:6] == ["a", "flip", "tie", "flip", "b", "b"]


def test_long_texts_are_cut_and_say_by_how_much(tmp_path):
    cases = [made_case(0, a="x" * 32_000), *CASES[1:]]
    result = read_result(make_run(tmp_path / "r", cases, rows_with({0: ("a", "a")})))
    message = browsed_cases(result, 1)[0].sides[0].judged[0]
    assert (len(message.text), message.cut) == (MOST_TEXT, 32_000 - MOST_TEXT)


def test_hits_of_b_come_before_those_of_a_and_severe_before_mild(tmp_path):
    flagged = flags_of(CASES, ["hate"], {CASES[1].id: ("hate", "mild"), CASES[2].id: ("hate", "severe")})
    of_a = flags_of(CASES[3:4], ["hate"], {CASES[3].id: ("hate", "severe")})
    mixed = (*(type(one)(one.case, "a", one.subject, one.readings) for one in of_a), *flagged)
    result = read_result(make_run(tmp_path / "r", CASES, rows_with({}), mixed))
    found = floor_hits(result, 2)
    assert [(hit.side, hit.reading.level, hit.dialogue) for hit in found.shown] == [
        ("B", "severe", "b-2"),
        ("B", "mild", "b-1"),
    ]
    assert found.total > 2
