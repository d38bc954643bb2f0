import json
import math
from typing import Any

import pytest

from repartee_eval.judges.pairwise import pairwise_questions
from repartee_eval.judges.question import Judge
from repartee_eval.judges.verdict_reading import read_verdict
from tests.unit.repartee_eval.judges.judging import CRITERIA, PROMPTS, question, reply_case

JUDGE = Judge(model="judge", logprobs=True)


def token(text: str, **alternatives: float) -> dict[str, Any]:
    shares = alternatives or {text: 1.0}
    return {
        "token": text,
        "bytes": list(text.encode()),
        "logprob": math.log(shares.get(text, 1.0)),
        "top_logprobs": [{"token": name, "logprob": math.log(share)} for name, share in shares.items()],
    }


def raw_of(*tokens: dict[str, Any], content: str | None = None) -> str:
    text = "".join(one["token"] for one in tokens) if content is None else content
    choice = {"message": {"content": text}, "finish_reason": "stop", "logprobs": {"content": list(tokens)}}
    return json.dumps({"choices": [choice]})


def p_b(raw: str, order: str = "ab") -> float | None:
    readings = read_verdict(question(order, JUDGE), raw)
    assert isinstance(readings, tuple), readings
    return readings[0].p_b


START = (token('{"'), token("verdict"), token('":'))


def test_ties_count_half_and_the_rest_is_normalised() -> None:
    raw = raw_of(*START, token(' "'), token("1", **{"1": 0.6, "2": 0.2, "tie": 0.1, "The": 0.1}), token('"}'))
    # P(first) = (0.6 + 0.05) / 0.9
    assert p_b(raw, "ab") == pytest.approx(1 - 0.65 / 0.9)
    assert p_b(raw, "ba") == pytest.approx(0.65 / 0.9)


@pytest.mark.parametrize(
    "tokens",
    [
        [token(' "'), token("2", **{"2": 0.75, "1": 0.25}), token('"}')],
        [token(' "2', **{' "2': 0.75, ' "1': 0.25}), token('"}')],
        [token(' "2"', **{' "2"': 0.75, ' "1"': 0.25}), token("}")],
        [token(' "2"}', **{' "2"}': 0.5, '"2"}': 0.25, ' "1"}': 0.25})],
        [token(" "), token('"'), token("2", **{"2": 0.75, "1": 0.25}), token('"'), token("}")],
    ],
)
def test_tokenisers_cut_the_value_in_their_own_ways(tokens: list[dict[str, Any]]) -> None:
    assert p_b(raw_of(*START, *tokens)) == pytest.approx(0.75)


def test_a_label_of_several_tokens_counts_by_its_first() -> None:
    raw = raw_of(*START, token(' "'), token("t", **{"t": 0.5, "1": 0.5}), token("ie"), token('"}'))
    assert p_b(raw) == pytest.approx(1 - 0.75)


def test_the_value_is_found_behind_a_reason_with_letters_cut_in_two() -> None:
    reason = "да"
    halves = [
        {"token": "\\xd0", "bytes": list(reason.encode()[:1]), "logprob": 0.0},
        {"token": "\\xb4а", "bytes": list(reason.encode()[1:]), "logprob": 0.0},
    ]
    tokens = [
        token('{"reason": "'),
        *halves,
        token('", "verdict": "'),
        token("1", **{"1": 0.9, "2": 0.1}),
        token('"}'),
    ]
    raw = raw_of(*tokens, content='{"reason": "да", "verdict": "1"}')
    readings = read_verdict(question("ab", Judge(model="j", mode="reasoned", logprobs=True)), raw)
    assert isinstance(readings, tuple)
    assert readings[0].p_b == pytest.approx(0.1)


@pytest.mark.parametrize(
    "value",
    [
        token("1", **{"1": 0.2, "Both": 0.8}),
        {"token": "1", "logprob": None},
        {"token": "1", "logprob": "x", "top_logprobs": "x"},
        {"token": "1", "logprob": math.nan},
    ],
)
def test_no_probability_where_the_labels_do_not_hold_the_mass(value: dict[str, Any]) -> None:
    assert p_b(raw_of(*START, token(' "'), value, token('"}'))) is None


def test_no_probability_where_tokens_and_text_differ_or_the_answer_was_repaired() -> None:
    tokens = [*START, token(' "'), token("1"), token('"}')]
    assert p_b(raw_of(*tokens, content='{"verdict": "2"}')) is None
    assert p_b(raw_of(token("ok "), *tokens)) is None
    assert p_b(json.dumps({"choices": [{"message": {"content": '{"verdict": "2"}'}}]})) is None


def test_numbers_out_of_range_do_not_raise() -> None:
    entry = {"token": "1", "logprob": -(10**400), "top_logprobs": [{"token": "2", "logprob": 10**400}]}
    assert p_b(raw_of(*START, token(' "'), entry, token('"}'))) == pytest.approx(1.0)


def test_each_criterion_of_a_joint_answer_has_its_own() -> None:
    asked = pairwise_questions(
        reply_case(), CRITERIA[:2], Judge(model="j", joint=True, logprobs=True), PROMPTS
    )[0]
    tokens = [
        token('{"scenario_focus": {"verdict": "'),
        token("1", **{"1": 0.9, "2": 0.1}),
        token('"}, "in_character": {"verdict": "'),
        token("2", **{"2": 0.7, "1": 0.3}),
        token('"}}'),
    ]
    readings = read_verdict(asked, raw_of(*tokens))
    assert isinstance(readings, tuple)
    assert [one.p_b for one in readings] == [pytest.approx(0.7), pytest.approx(0.1)]
