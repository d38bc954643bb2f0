from markdown_it import MarkdownIt

from repartee_eval.reports.run_changes import changes
from repartee_eval.reports.run_markdown import as_markdown
from repartee_eval.reports.visible_text import markdown_cell
from repartee_eval.run_result import read_result
from tests.unit.repartee_eval.made_runs import drawn, flags_of, made_case, make_run

CASES = [made_case(number) for number in range(40)]


def test_it_is_short_and_starts_with_the_decision(tmp_path):
    text = as_markdown(read_result(make_run(tmp_path / "r", CASES, drawn(CASES, 0.9))))
    assert text.startswith("## ✅ Ship: rollout: new-model against old-model\n")
    assert len(text.splitlines()) < 20
    assert "do not hold" not in text


def test_lines_that_do_not_hold_are_named_with_their_numbers(tmp_path):
    hits = flags_of(CASES, ["sexting"], {CASES[7].id: ("sexting", "severe")})
    text = as_markdown(
        read_result(make_run(tmp_path / "r", CASES, drawn(CASES, 0.9), hits, floors=["sexting"]))
    )
    assert text.startswith("## ⛔ Reject")
    assert "- fail: floor, sexting: 2.5%" in text
    assert "B 1 of 40" in text


def test_the_offline_baseline_makes_it_a_rehearsal(tmp_path):
    text = as_markdown(read_result(make_run(tmp_path / "r", CASES, drawn(CASES, 0.9), language_model=False)))
    assert text.startswith("## ✅ Ship (rehearsal)")
    assert "It is no language model" in text


def test_what_changed_stands_side_by_side(tmp_path):
    before = read_result(make_run(tmp_path / "old", CASES, drawn(CASES, 0.3)))
    now = read_result(make_run(tmp_path / "new", CASES, drawn(CASES, 0.9)))
    assert "Before: **Hold**." in as_markdown(now, changes(before, now))


def test_text_from_outside_makes_no_markup():
    hostile = "a | b\n# c [x](http://e.example) <img src=x> **bold** @someone `code` ![i](j) \\| _em_ ~~s~~"
    rendered = MarkdownIt("commonmark").enable("table").render(f"| {markdown_cell(hostile)} |\n| --- |\n")
    assert rendered.count("<th>") == 1
    for tag in ("<a", "<img", "<strong", "<em", "<code", "<h1", "<s>"):
        assert tag not in rendered
    assert "@someone" not in rendered
