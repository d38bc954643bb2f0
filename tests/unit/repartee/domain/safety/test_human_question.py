import json
from pathlib import Path

import pytest

from repartee.domain.safety.human_question import asks_who_answers

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[4] / "data" / "human_question.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"])
def test_a_question_in_earnest_is_told_from_one_of_the_story(case: dict) -> None:
    assert asks_who_answers(case["text"]) == case["asks"]


def test_the_set_has_thirty_questions_and_false_alarms_in_both_languages() -> None:
    cyrillic = [any("а" <= letter <= "я" for letter in case["text"].lower()) for case in CASES]
    asked = [case["asks"] for case in CASES]
    assert sum(asked) >= 30
    assert {*zip(asked, cyrillic, strict=True)} == {
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    }


def test_it_is_found_anywhere_in_a_message() -> None:
    assert asks_who_answers(
        "Nice weather today. " * 50 + "Anyway. Are you human? " + "Tell me a story. " * 50
    )
