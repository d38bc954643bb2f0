import pytest

from repartee_eval.reports.run_screen import show_decision
from repartee_eval.run_result import read_result
from tests.unit.repartee_eval.made_runs import drawn, made_case, make_run

CASES = [made_case(number) for number in range(40)]


def test_the_decision_is_plain_text_where_there_is_no_terminal(tmp_path, capsys):
    show_decision(read_result(make_run(tmp_path / "r", CASES, drawn(CASES, 0.9))))
    shown = capsys.readouterr().out
    assert "SHIP" in shown
    assert "Put B in the place of A" in shown
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= 160


@pytest.mark.parametrize("name", ["[bold]new[/]", "new\x1b[31m\x07", "new\u202e"])
def test_names_do_nothing_to_the_terminal(tmp_path, capsys, name):
    cases = [case.model_copy(update={"b": case.b.model_copy(update={"model": name})}) for case in CASES]
    folder = make_run(tmp_path / "r", cases, drawn(cases, 0.9), manifest={"models": ("old-model", name)})
    show_decision(read_result(folder))
    shown = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)
    assert "[bold]new[/]" in shown or "new" in shown.splitlines()[0]


def test_a_rehearsal_says_so_first(tmp_path, capsys):
    show_decision(read_result(make_run(tmp_path / "r", CASES, drawn(CASES, 0.9), language_model=False)))
    assert "REHEARSAL  The offline baseline judged" in capsys.readouterr().out.splitlines()[1]
