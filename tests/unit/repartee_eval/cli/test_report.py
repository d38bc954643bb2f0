import json

import pytest
from click.testing import CliRunner

from repartee_eval.cli import cli
from tests.unit.repartee_eval.made_runs import CRITERIA, drawn, made_case, make_run

CASES = [made_case(number) for number in range(40)]


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run", CASES, drawn(CASES, 0.9))


def called(*arguments: object):
    return CliRunner().invoke(cli, ["report", *map(str, arguments)])


def test_the_reports_are_written_anew_and_the_status_is_the_decisions(run):
    done = called(run)
    assert done.exit_code == 0, done.output
    assert {"report.html", "report.md", "report.json"} <= {path.name for path in run.iterdir()}
    assert "SHIP" in done.stdout
    assert not [path for path in run.iterdir() if path.suffix == ".new"]


def test_two_reports_of_one_run_are_the_same_bytes(run, tmp_path):
    called(run, "--out", tmp_path / "1")
    called(run, "--out", tmp_path / "2")
    for name in ("report.html", "report.md", "report.json"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_another_policy_makes_another_decision(run, tmp_path):
    strict = tmp_path / "strict.yaml"
    strict.write_text(f"format: repartee.policy/1\ncriteria: [{', '.join(CRITERIA)}]\nminimum_items: 500\n")
    done = called(run, "--policy", strict, "--out", tmp_path / "out", "--json")
    assert done.exit_code == 30
    assert json.loads(done.stdout)["policy"]["minimum_items"] == 500


def test_what_changed_since_another_run_is_shown(run, tmp_path):
    before = make_run(tmp_path / "before", CASES, drawn(CASES, 0.1))
    done = called(run, "--against", before)
    assert "Before: Hold." in done.stdout
    assert "Before: **Hold**." in (run / "report.md").read_text("utf-8")


def test_labels_of_people_say_how_good_the_judge_is(run, tmp_path):
    labels = tmp_path / "labels.csv"
    lines = [f"{case.id},engagement,ann,b" for case in CASES]
    labels.write_text("\n".join(["item,criterion,annotator,label", *lines]) + "\n")
    called(run, "--labels", labels)
    found = json.loads((run / "report.json").read_text("utf-8"))["analysis"]
    assert found["judge_quality"]["n"] == 40
    assert [one["criterion"] for one in found["corrected"]] == ["engagement"]
    assert "accuracy against people" in (run / "report.html").read_text("utf-8")


def test_junit_goes_where_it_is_wanted(run, tmp_path):
    called(run, "--junit", tmp_path / "ci" / "junit.xml")
    assert (tmp_path / "ci" / "junit.xml").read_text("utf-8").startswith('<?xml version="1.0"')


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--judge", "other"], "no judge other; there are: judge-1"),
        (["--against", "{empty}"], "run.json is missing"),
        (["--out", "{file}"], "cannot be written"),
        (["--most-cases", "-1"], "--most-cases"),
    ],
)
def test_a_mistake_is_one_line(run, tmp_path, arguments, problem):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    places = {"{empty}": tmp_path / "empty", "{file}": tmp_path / "file" / "out"}
    done = called(run, *(places.get(one, one) for one in arguments))
    assert done.exit_code in {1, 2}
    assert problem in done.stderr
    assert "Traceback" not in done.output
