from xml.etree.ElementTree import Element, fromstring

import pytest

from repartee_eval.reports.run_junit import as_junit
from repartee_eval.run_result import read_result
from tests.unit.repartee_eval.made_runs import CRITERIA, both_orders, drawn, made_case, make_run

CASES = [made_case(number) for number in range(60)]


def suite_of(folder) -> tuple[Element, Element]:
    root = fromstring(as_junit(read_result(folder)))  # noqa: S314 made here
    return root, root[0]


def status(case: Element) -> str:
    return next((child.tag for child in case if child.tag != "system-out"), "passed")


@pytest.mark.parametrize(("rate", "decision"), [(0.9, "passed"), (0.1, "failure"), (0.5, "failure")])
def test_the_decision_is_the_first_case_and_fails_unless_b_may_ship(tmp_path, rate, decision):
    _, suite = suite_of(make_run(tmp_path / "r", CASES, drawn(CASES, rate)))
    first = suite.findall("testcase")[0]
    assert (first.get("name"), status(first)) == ("decision", decision)


def test_there_is_one_case_per_line_and_the_counts_add_up(tmp_path):
    folder = make_run(tmp_path / "r", CASES, drawn(CASES, 0.1))
    root, suite = suite_of(folder)
    cases = suite.findall("testcase")
    assert len(cases) == 1 + len(read_result(folder).decision.lines)
    for element in (root, suite):
        assert int(element.get("tests")) == len(cases)
        assert int(element.get("failures")) == sum(status(case) == "failure" for case in cases)
        assert int(element.get("skipped")) == sum(status(case) == "skipped" for case in cases)
    assert len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases)


def test_a_criterion_that_need_not_be_better_fails_no_build(tmp_path):
    many = [made_case(number) for number in range(500)]
    rows = drawn(many, 0.9, criteria=CRITERIA[:2])
    rows += [row for case in many for row in both_orders(case, CRITERIA[2], "tie", "tie")]
    root, suite = suite_of(make_run(tmp_path / "r", many, rows))
    assert root.get("failures") == "0"
    assert [case.get("name") for case in suite.iter("testcase") if status(case) == "skipped"] == [
        "better: engagement"
    ]


def test_names_that_xml_has_no_place_for_stay_valid(tmp_path):
    cases = [
        case.model_copy(update={"b": case.b.model_copy(update={"model": 'new\x00\x1b]]>"<'})})
        for case in CASES
    ]
    folder = make_run(
        tmp_path / "r", cases, drawn(cases, 0.9), manifest={"models": ("old-model", 'new\x00\x1b]]>"<')}
    )
    _, suite = suite_of(folder)
    named = {one.get("name"): one.get("value") for one in suite.iter("property")}
    assert named["model_b"] == 'new\ufffd\ufffd]]>"<'
