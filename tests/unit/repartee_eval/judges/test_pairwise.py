from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from repartee_eval.errors import EvalError
from repartee_eval.judges.pairwise import pairwise_questions, sending_order, single_order
from repartee_eval.judges.prompts import JudgePrompts
from repartee_eval.judges.question import Judge
from tests.unit.repartee_eval.judges.judging import (
    CRITERIA,
    GOOD,
    JUDGE,
    PROMPTS,
    REASONED,
    question,
    reply_case,
    window_case,
)


def text_of(question: object) -> str:
    return str(question.body["messages"][1]["content"])  # type: ignore[attr-defined]


def test_one_question_per_criterion_order_and_replicate() -> None:
    asked = pairwise_questions(reply_case(), CRITERIA, JUDGE, PROMPTS, replicates=2)
    assert len(asked) == 12
    assert {(one.criteria, one.order, one.replicate) for one in asked} == {
        ((criterion.id,), order, replicate)
        for criterion in CRITERIA
        for order in ("ab", "ba")
        for replicate in (0, 1)
    }
    assert len({one.key for one in asked}) == 12
    assert {(one.replicate, one.body["seed"]) for one in asked} == {(0, 0), (1, 1)}


def test_joint_asks_all_criteria_in_one_call() -> None:
    asked = pairwise_questions(reply_case(), CRITERIA, replace(JUDGE, joint=True), PROMPTS)
    assert [one.order for one in asked] == ["ab", "ba"]
    assert asked[0].criteria == ("in_character", "scenario_focus", "engagement")
    assert all(f"[{criterion.id}]" in text_of(asked[0]) for criterion in CRITERIA)


def test_the_orders_show_the_same_sides_swapped() -> None:
    shown = [text_of(question(order)) for order in ("ab", "ba")]
    first = [text.split("# Candidate 1")[1].split("# Candidate 2")[0] for text in shown]
    second = [text.split("# Candidate 2")[1].split("# Question")[0] for text in shown]
    assert GOOD in first[0]
    assert GOOD in second[1]
    assert first[0].replace("candidate 1", "").strip() == second[1].replace("candidate 2", "").strip()


def test_both_orders_and_all_criteria_begin_alike_up_to_the_candidates() -> None:
    asked = pairwise_questions(reply_case(), CRITERIA, JUDGE, PROMPTS)
    assert len({text_of(one).split("# Candidate 1")[0] for one in asked}) == 1
    assert len({one.body["messages"][0]["content"] for one in asked}) == 1
    same_order = [text_of(one).split("# Question")[0] for one in asked if one.order == "ab"]
    assert len(set(same_order)) == 1


def test_card_scene_and_history_stand_before_the_candidates() -> None:
    shown = text_of(question())
    places = [
        shown.index(part)
        for part in ("# Character card", "# Scene", "И как кот?", "# Candidate 1", "# Question")
    ]
    assert places == sorted(places)


def test_a_window_marks_the_turns_in_focus() -> None:
    shown = text_of(question(case=window_case()))
    assert shown.count("* USER (User):\n  Как смена?") == 2
    assert shown.count("\nUSER (User):\n  Привет") == 2
    assert "# Dialogue so far" not in shown


def test_a_long_history_is_cut_and_it_is_said() -> None:
    shown = text_of(question(judge=replace(JUDGE, history=1)))
    assert "(2 earlier messages left out)" in shown
    assert "С ночной" not in shown.split("# Dialogue so far")[1]


def test_the_body_asks_for_what_the_server_can_do() -> None:
    body = question(
        judge=replace(REASONED, logprobs=True, extra={"seed": None, "reasoning_effort": "low"})
    ).body
    assert body["temperature"] == 0
    assert (body["logprobs"], body["top_logprobs"], body["reasoning_effort"]) == (True, 20, "low")
    assert "seed" not in body
    schema = body["response_format"]["json_schema"]["schema"]
    jsonschema.validate({"reason": "r", "verdict": "tie"}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"reason": "r", "verdict": "both"}, schema)
    assert "response_format" not in question(judge=replace(JUDGE, structured=False)).body


@pytest.mark.parametrize(
    "changed",
    [
        Judge(model="other"),
        replace(JUDGE, mode="reasoned"),
        replace(JUDGE, temperature=0.5),
        replace(JUDGE, seed=1),
        replace(JUDGE, address="http://other"),
        replace(JUDGE, history=1),
        replace(JUDGE, logprobs=True),
        replace(JUDGE, not_applicable=True),
        replace(JUDGE, extra={"top_p": 0.5}),
    ],
)
def test_whatever_determines_the_answer_changes_the_key(changed: Judge) -> None:
    assert question().key == question().key
    assert question(judge=changed).key != question().key


def test_case_criterion_and_template_change_the_key(tmp_path: Path) -> None:
    assert question(case=reply_case(case_id="case-2")).key != question().key
    assert question(case=reply_case(b="Другое.")).key != question().key
    reworded = (CRITERIA[0].model_copy(update={"tie": "Never."}),)
    assert pairwise_questions(reply_case(), reworded, JUDGE, PROMPTS)[0].key != question().key
    for path in PROMPTS._folder.glob("*.mako"):
        (tmp_path / path.name).write_text(
            path.read_text() + ("\n<%doc>x</%doc>" if path.name == "pairwise.mako" else "")
        )
    changed = JudgePrompts(tmp_path)
    assert pairwise_questions(reply_case(), CRITERIA[:1], JUDGE, changed)[0].key != question().key


def test_a_missing_or_broken_template_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match=r"context\.mako cannot be read"):
        JudgePrompts(tmp_path)
    for path in PROMPTS._folder.glob("*.mako"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "score.mako").write_text("% if x:\n")
    with pytest.raises(EvalError, match=r"score\.mako does not compile"):
        JudgePrompts(tmp_path)


def test_the_two_orders_of_a_pair_are_sent_one_pass_apart() -> None:
    asked = [
        one
        for number in range(20)
        for one in pairwise_questions(reply_case(case_id=f"c{number}"), CRITERIA, JUDGE, PROMPTS)
    ]
    sent = sending_order(asked, seed=7)
    assert sorted(one.key for one in sent) == sorted(one.key for one in asked)
    places = {(one.subject, one.criteria, one.order): index for index, one in enumerate(sent)}
    gaps = {abs(places[s, c, "ab"] - places[s, c, "ba"]) for s, c, _ in places}
    assert gaps == {len(asked) // 2}
    assert [one.key for one in sending_order(asked[::-1], seed=7)] == [one.key for one in sent]
    assert [one.key for one in sending_order(asked, seed=8)] != [one.key for one in sent]
    first = [one.order for one in sent[: len(sent) // 2 : 3]]
    assert 4 <= first.count("ab") <= 16


def test_a_single_order_is_drawn_per_case_and_balanced() -> None:
    drawn = [single_order(f"c{number}", 1) for number in range(1_000)]
    assert 440 <= drawn.count("ab") <= 560
    asked = pairwise_questions(reply_case(), CRITERIA, JUDGE, PROMPTS, orders="single", seed=3)
    assert {one.order for one in asked} == {single_order("case-1", 3)}
    assert len(asked) == 3


def test_rows_name_the_way_in_which_a_judge_was_asked() -> None:
    assert question().judge == "judge"
    assert question(judge=REASONED).judge == "judge@reasoned"
    assert replace(REASONED, joint=True).name == "judge@reasoned-joint"
