import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repartee.domain.safety import human_question
from repartee.domain.safety.human_question import asks_who_answers
from repartee.domain.safety.wording import plain

LETTERS = st.characters(codec="utf-8", categories=("L", "N", "P", "Z"), max_codepoint=0x4FF)

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


@pytest.mark.parametrize("pattern", [*human_question._ENGLISH, *human_question._RUSSIAN])
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_a_pattern_matches_holds_one_of_the_stems(data: st.DataObject, pattern: str) -> None:
    text = plain(data.draw(st.from_regex(re.compile(pattern), alphabet=LETTERS)))
    assert re.search(pattern, text) is None or any(stem in text for stem in human_question._STEMS)
