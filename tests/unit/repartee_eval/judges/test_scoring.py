import json
from typing import Any

import jsonschema
import pytest

from repartee_eval.cases import Side
from repartee_eval.judges.offline_judge import offline_scores
from repartee_eval.judges.question import Unreadable, offline_judge
from repartee_eval.judges.rubrics import load_dimensions
from repartee_eval.judges.scoring import read_scores, score_questions
from repartee_eval.judges.subject import Subject
from tests.unit.repartee_eval.judges.judging import BAD, GOOD, JUDGE, PROMPTS, completion, reply_case, said

DIMENSIONS = load_dimensions()
GOOD_SIDE, BAD_SIDE = (Subject.of_side(reply_case(), side) for side in ("a", "b"))
QUESTION = score_questions(GOOD_SIDE, DIMENSIONS, JUDGE, PROMPTS)[0]


def scores(value: Any = 0.5) -> dict[str, Any]:
    return {one.id: {"explanation": f"of {one.id}", "score": value} for one in DIMENSIONS}


def test_scores_are_read_in_the_order_of_the_dimensions() -> None:
    readings = read_scores(QUESTION, completion(json.dumps(dict(reversed(scores(0.7).items())))))
    assert isinstance(readings, tuple)
    assert [(one.dimension, one.score, one.explanation) for one in readings] == [
        (one.id, 0.7, f"of {one.id}") for one in DIMENSIONS
    ]


@pytest.mark.parametrize("value", [1.01, -0.1, "0.5", True, None, 10**400])
def test_what_is_not_a_number_from_0_to_1_is_no_score(value: Any) -> None:
    outcome = read_scores(QUESTION, completion(json.dumps(scores(value))))
    assert outcome == Unreadable("unparseable", "no single object with the fields that were asked for")


def test_a_missing_dimension_and_prose_are_no_score() -> None:
    few = scores()
    del few["overall"]
    assert isinstance(read_scores(QUESTION, completion(json.dumps(few))), Unreadable)
    assert isinstance(read_scores(QUESTION, completion("I give it 0.9")), Unreadable)
    assert isinstance(read_scores(QUESTION, "{"), Unreadable)


def test_the_ends_of_the_scale_and_a_fenced_answer_are_read() -> None:
    readings = read_scores(QUESTION, completion(f"```json\n{json.dumps(scores(1))}\n```"))
    assert isinstance(readings, tuple)
    assert {(one.score, one.repaired) for one in readings} == {(1.0, True)}


def test_the_schema_takes_what_the_reader_takes() -> None:
    schema = QUESTION.body["response_format"]["json_schema"]["schema"]
    jsonschema.validate(scores(), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"overall": 1}, schema)


def test_the_question_shows_anchors_and_marks_what_is_scored() -> None:
    text = QUESTION.body["messages"][1]["content"]
    assert f"* CHARACTER (Вера):\n  {GOOD}" in text
    assert "0: Somebody else speaks." in text
    assert text.index("# Dialogue so far") < text.index("# Messages to score") < text.index("# Dimensions")


def test_a_summary_is_scored_against_the_whole_dialogue() -> None:
    shared = tuple(said(f"Ход {number}.") for number in range(40))
    side = Side(model="m", messages=(said("Они говорили сорок ходов."),))
    subject = GOOD_SIDE.model_copy(update={"kind": "summary", "shared": shared, "side": side})
    (asked,) = score_questions(subject, load_dimensions("summary"), JUDGE, PROMPTS)
    text = asked.body["messages"][1]["content"]
    assert "Ход 0." in text
    assert "# Summary to score\n<<<summary" in text
    assert "You score a summary of" in asked.body["messages"][0]["content"]


def test_a_side_that_reads_the_same_is_the_same_subject_in_any_case() -> None:
    again = Subject.of_side(reply_case(case_id="other", b="Иначе."), "a")
    assert again.id == GOOD_SIDE.id != BAD_SIDE.id
    assert GOOD_SIDE.content_hash() == GOOD_SIDE.id


def test_the_baseline_scores_the_better_reply_higher_and_says_what_it_is() -> None:
    overall = []
    for subject in (GOOD_SIDE, BAD_SIDE):
        (asked,) = score_questions(subject, DIMENSIONS, offline_judge(), PROMPTS)
        readings = read_scores(asked, offline_scores(asked, subject))
        assert isinstance(readings, tuple)
        assert all(one.explanation.startswith("offline-baseline: ") for one in readings)
        overall.append(readings[0].score)
    assert overall[0] > overall[1] + 0.1
    assert BAD_SIDE.side.messages[0].text == BAD
