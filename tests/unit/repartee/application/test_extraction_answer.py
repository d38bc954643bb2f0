import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repartee.application.extraction_answer import EXTRACTION_SCHEMA, UnreadableAnswer, read_extraction

GOOD = {"statement": "Maya likes tea.", "evidence": "I like tea", "message_index": 0}


def test_extra_keys_are_passed_over_and_missing_ones_have_values() -> None:
    [fact] = read_extraction(json.dumps({"facts": [GOOD | {"emotion": "joy"}], "note": 1}))
    assert (fact.owner, fact.subject, fact.supersedes, fact.confidence) == ("user", "user", [], 0.5)
    assert read_extraction('{"facts": []}') == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no JSON object"),
        ("I would rather not.", "no JSON object"),
        ('{"facts": [', "no JSON object"),
        ('{"facts": [}', "not one whole JSON object"),
        ('{"facts": []} {"facts": []}', "not one whole JSON object"),
        ('{"facts": [], "facts": []}', "without repeated keys"),
        ('{"facts": NaN}', "not one whole JSON object"),
        ('{"facts": ' + "[" * 5_000 + "]" * 5_000 + "}", "not one whole JSON object"),
        ('{"memories": []}', "facts: Field required"),
        (json.dumps({"facts": [GOOD | {"message_index": "0"}]}), "facts.0.message_index"),
        (json.dumps({"facts": [GOOD | {"confidence": 1.5}]}), "facts.0.confidence"),
        (json.dumps({"facts": [GOOD | {"owner": "everyone"}]}), "facts.0.owner"),
        (json.dumps({"facts": [GOOD | {"statement": "a\x00b"}]}), "facts.0.statement"),
        (json.dumps({"facts": [GOOD | {"statement": "x" * 2_001}]}), "facts.0.statement"),
        (json.dumps({"facts": [GOOD | {"subject": "Jack\n# Rules"}]}), "facts.0.subject"),
        (json.dumps({"facts": [GOOD] * 65}), "facts: "),
        ('{"facts": ["' + "x" * 200_000 + '"]}', "longer than"),
    ],
)
def test_what_is_not_the_document_is_said_without_its_words(text: str, problem: str) -> None:
    with pytest.raises(UnreadableAnswer, match=problem.replace("[", r"\[")) as caught:
        read_extraction(text)
    assert len(caught.value.problem) < 200
    assert "tea" not in caught.value.problem


@given(st.text())
def test_no_text_without_the_document_gets_through(text: str) -> None:
    problem = ""
    try:
        read_extraction(text)
    except UnreadableAnswer as error:
        problem = error.problem
    assert problem


def test_the_schema_is_strict_and_names_what_is_read() -> None:
    facts = EXTRACTION_SCHEMA.schema["properties"]["facts"]["items"]
    assert facts["additionalProperties"] is EXTRACTION_SCHEMA.schema["additionalProperties"] is False
    [fact] = read_extraction(json.dumps({"facts": [GOOD]}))
    assert set(facts["required"]) == set(facts["properties"]) == set(fact.model_dump())
