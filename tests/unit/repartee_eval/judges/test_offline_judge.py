import json

import pytest

from repartee_eval.cases import Case
from repartee_eval.judges.offline_features import stems
from repartee_eval.judges.offline_job import OfflineJob
from repartee_eval.judges.offline_judge import offline_verdict
from repartee_eval.judges.pairwise import pairwise_questions
from repartee_eval.judges.question import offline_judge
from repartee_eval.judges.reading import Reading
from repartee_eval.judges.rows import rows_of
from repartee_eval.judges.rubrics import Criterion
from repartee_eval.judges.verdict_reading import read_verdict
from tests.unit.repartee_eval.judges.judging import CRITERIA, GOOD, PROMPTS, reply_case


def readings(case: Case, criteria: tuple[Criterion, ...] = CRITERIA) -> dict[tuple[str, str], Reading]:
    found = {}
    for asked in pairwise_questions(case, criteria, offline_judge(), PROMPTS):
        outcome = read_verdict(asked, offline_verdict(asked, case))
        assert isinstance(outcome, tuple)
        found[outcome[0].criterion, asked.order or ""] = outcome[0]
    return found


@pytest.mark.parametrize(
    "worse",
    [
        "Как языковая модель, я не могу снимать котов. Чем ещё могу помочь?",
        "Yes, of course. The cat is fine now, and how was your own night?",
        "user: Сняли. Кот ушёл домой, а у тебя что?",
    ],
)
def test_a_broken_role_loses_in_character_in_both_orders(worse: str) -> None:
    found = readings(reply_case(b=worse))
    assert [found["in_character", order].verdict for order in ("ab", "ba")] == ["a", "a"]


def test_the_order_never_matters_and_equal_sides_tie() -> None:
    found = readings(reply_case(b="Ну и ладно."))
    for criterion in CRITERIA:
        assert found[criterion.id, "ab"].verdict == found[criterion.id, "ba"].verdict
    assert {one.verdict for one in readings(reply_case(b=GOOD)).values()} == {"tie"}


def test_every_reason_names_the_baseline_and_what_decided() -> None:
    for reading in readings(reply_case()).values():
        assert reading.reason.startswith("offline-baseline: 1 scores ")
        assert "role" in reading.reason
        assert reading.p_b is None


def test_the_raw_answer_says_that_no_language_model_wrote_it() -> None:
    asked = pairwise_questions(reply_case(), CRITERIA, offline_judge(), PROMPTS)[0]
    body = json.loads(offline_verdict(asked, reply_case()))
    assert (body["model"], body["is_language_model"]) == ("offline-baseline", False)
    assert (asked.judge, asked.is_language_model) == ("offline-baseline", False)


def test_a_criterion_of_the_user_gets_the_mean_of_all_weights() -> None:
    own = CRITERIA[0].model_copy(update={"id": "warmth"})
    assert readings(reply_case(), (own,))["warmth", "ab"].verdict == "a"


def test_stems_join_the_forms_of_a_word() -> None:
    assert stems("кошками кошка") == stems("кошкой")
    assert stems("walking walks") == stems("walked")
    assert stems("a I он") == frozenset()


async def test_it_answers_as_a_job_of_the_runner() -> None:
    case = reply_case()
    asked = pairwise_questions(case, CRITERIA, offline_judge(), PROMPTS)[0]
    job = OfflineJob(asked, lambda: offline_verdict(asked, case))
    answer = await job.send()
    assert (job.key, job.endpoint, job.worst_cost) == (asked.key, "offline-baseline", 0.0)
    assert answer.latency >= 0
    (row,) = rows_of(asked, case, read_verdict(asked, answer.raw), answer)
    assert (row.judge, row.verdict, row.cost) == ("offline-baseline", "a", 0.0)
