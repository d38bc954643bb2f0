import json

import pytest
from click.testing import CliRunner

from repartee_eval.cli.analyze import analyze
from repartee_eval.cli.one_line_errors import OneLineErrors
from repartee_eval.cli.plan import plan

cli = OneLineErrors("repartee-eval", commands={"analyze": analyze, "plan": plan})


def run(*arguments):
    return CliRunner().invoke(cli, [str(one) for one in arguments])


@pytest.fixture
def verdicts(tmp_path):
    path = tmp_path / "verdicts.csv"
    lines = [f"{n},{n // 2},old,new,{side},{'b' if n % 4 else 'a'}" for n in range(40) for side in "ab"]
    path.write_text("item,cluster,model_a,model_b,first,verdict\n" + "\n".join(lines) + "\n")
    return path


def test_prints_tables_and_notes(verdicts):
    result = run("analyze", verdicts)
    assert result.exit_code == 0, result.output
    assert "old  new  –          30/10/0/0" in result.output
    assert "0.750 [" in result.output
    assert "note: no labels" in result.output


def test_prints_json_with_labels(verdicts, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("item,criterion,annotator,label\n" + "".join(f"{n},,p,b\n" for n in range(40)))
    result = run("analyze", verdicts, "--labels", labels, "--json", "--margin", 0.1, "--resamples", 0)
    content = json.loads(result.stdout)
    assert content["n"] == 80
    assert content["win_rates"][0]["clusters"] == 20
    assert content["win_rates"][0]["margin"] == 0.1
    assert content["judge_quality"]["accuracy"] == 0.75
    assert content["order"]["consistency"] == 1.0


def test_probabilities_alone_give_the_mean_probability(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("item,model_a,model_b,p_b\n1,x,y,0.9\n2,x,y,0.2\n3,x,y,0.6\n")
    (rate,) = json.loads(run("analyze", path, "--json").stdout)["win_rates"]
    assert rate["win_rate_b"] == pytest.approx(1.7 / 3)
    assert rate["discrete_win_rate_b"] == pytest.approx(2 / 3)


def test_what_names_say_does_not_reach_the_terminal(tmp_path):
    path = tmp_path / "evil.csv"
    path.write_text("item,model_a,model_b,verdict\n1,\x1b[31mred,[bold]y,a\n")
    output = run("analyze", path).output
    assert "\x1b" not in output
    assert "[bold]y" in output


def test_a_mistake_is_one_line(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("item,model_a,model_b,verdict\n1,x,y,maybe\n")
    result = run("analyze", path)
    assert result.exit_code == 1
    assert result.output.startswith("error: ")
    assert "line 2: column verdict is 'maybe'" in result.output
    assert result.output.count("\n") == 1


def test_plan_prints_the_numbers():
    output = run("plan", "--price-in", 1, "--price-out", 2).output
    assert "win rate 55.0%     783" in output
    content = json.loads(run("plan", "--win-rate", 0.65, "--items", 300, "--json").stdout)
    assert content["aims"][0]["size"]["items"] == 85
    assert 0.5 < content["detectable_win_rate"] < 0.6


@pytest.mark.parametrize("wrong", [("--price-in", 1), ("--win-rate", 1.5), ("--model", "no-such-model-77")])
def test_plan_names_the_mistake(wrong):
    result = run("plan", *wrong)
    assert result.exit_code != 0
    assert result.output.strip().splitlines()[-1].lower().startswith("error")
    assert isinstance(result.exception, SystemExit)
