from dataclasses import replace

from repartee_eval.judges.pairwise import pairwise_questions
from repartee_eval.judges.question import Unreadable
from repartee_eval.judges.rows import rows_of
from repartee_eval.judges.verdict_reading import read_verdict
from repartee_eval.runs.job import Answer
from repartee_eval.verdict_rows import VerdictRow
from tests.unit.repartee_eval.judges.judging import (
    BAD,
    CRITERIA,
    GOOD,
    JUDGE,
    PROMPTS,
    completion,
    question,
    reply_case,
    verdict,
)


def test_a_row_holds_all_that_is_known() -> None:
    raw = completion(verdict("1"))
    answer = Answer(raw=raw, latency=0.5, cost=0.002)
    asked = question("ba")
    assert rows_of(asked, reply_case(), read_verdict(asked, raw), answer) == (
        VerdictRow(
            item="case-1", cluster="dialogue-1", criterion="in_character", model_a="old", model_b="new",
            first="b", verdict="b", judge="judge", len_a=len(GOOD), len_b=len(BAD), character="vera",
            scenario="night", depth="middle", latency=0.5, cost=0.002,
        ),
    )  # fmt: skip


def test_a_failed_call_is_a_failed_row_for_every_criterion() -> None:
    asked = pairwise_questions(reply_case(), CRITERIA, replace(JUDGE, joint=True), PROMPTS)[0]
    rows = rows_of(asked, reply_case(), Unreadable("timeout"), None)
    assert [(row.criterion, row.verdict, row.failure, row.cost) for row in rows] == [
        (criterion.id, "failed", "timeout", None) for criterion in CRITERIA
    ]


def test_the_cost_of_a_joint_call_is_split_so_that_the_sum_is_right() -> None:
    asked = pairwise_questions(reply_case(), CRITERIA, replace(JUDGE, joint=True), PROMPTS)[0]
    rows = rows_of(asked, reply_case(), Unreadable("unparseable"), Answer(raw="", latency=1.0, cost=0.03))
    assert [row.cost for row in rows] == [0.01] * 3
    assert [row.latency for row in rows] == [1.0] * 3
