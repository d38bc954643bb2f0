"""Seats: questions become calls, kept answers become rows, failures rows of their own."""

from pathlib import Path

import orjson

from repartee_eval.judges.offline_job import OfflineJob
from repartee_eval.judges.prompts import JudgePrompts
from repartee_eval.judges.question import Judge, offline_judge
from repartee_eval.judges.rubrics import load_criteria, load_dimensions, load_flags
from repartee_eval.judges.subject import Subject
from repartee_eval.panel import Asking, EndpointJob, Seat, rubric_hashes
from repartee_eval.runs.chat_endpoint import ChatEndpoint
from repartee_eval.runs.job import CallFailed
from repartee_eval.runs.store import Store
from tests.unit.repartee_eval.made_runs import made_case

ASKING = Asking(load_criteria(), seed=3)
PROMPTS = JudgePrompts()


def _offline() -> Seat:
    return Seat(offline_judge(), PROMPTS)


def _served(address: str = "http://127.0.0.1:9/v1") -> Seat:
    return Seat(Judge(model="m", address=address), PROMPTS, ChatEndpoint(address, "m"))


async def test_a_question_to_a_server_becomes_its_bytes_once():
    case = made_case(1)
    question = _served().questions(case, ASKING)[0]
    job = _served().verdict_job(question, case)
    assert isinstance(job, EndpointJob)
    assert (job.key, job.endpoint, job.worst_cost) == (question.key, "http://127.0.0.1:9/v1 m", None)
    assert orjson.loads(job.request.body) == question.body


async def test_rows_come_of_answers_and_failures_and_nothing_of_what_was_not_asked(tmp_path: Path):
    seat, case, store = _offline(), made_case(1), Store(tmp_path)
    first, second, *_ = seat.questions(case, ASKING)
    job = seat.verdict_job(first, case)
    await store.keep_answer(await store.begin(job), job, await job.send(), 1)
    await store.keep_failure(seat.verdict_job(second, case), CallFailed("timeout", "late"), 3)
    rows = list(seat.rows(case, ASKING, store))
    assert [(row.criterion, row.verdict, row.failure) for row in rows[1:]] == [
        (second.criteria[0], "failed", "timeout")
    ]
    assert rows[0].judge == "offline-baseline"
    assert rows[0].verdict in {"a", "b", "tie"}
    store.close()


async def test_flags_and_scores_of_one_side_take_the_same_way(tmp_path: Path):
    seat, store = _offline(), Store(tmp_path)
    subject = Subject.of_side(made_case(1, b="Give me your address and I'll pick you up, real life."), "b")
    flags, dimensions = load_flags(), load_dimensions()
    assert seat.flags(subject, flags, store) is None
    for job in (
        seat.flag_job(seat.flag_question(subject, flags), subject, flags),
        seat.score_job(seat.score_question(subject, dimensions), subject),
    ):
        assert isinstance(job, OfflineJob)
        await store.keep_answer(await store.begin(job), job, await job.send(), 1)
    found = seat.flags(subject, flags, store)
    assert isinstance(found, tuple)
    assert {reading.flag: reading.level for reading in found}["real_life_meeting"] == "severe"
    scores = seat.scores(subject, dimensions, store)
    assert isinstance(scores, tuple)
    assert all(0 <= reading.score <= 1 for reading in scores)
    store.close()


def test_the_manifest_says_what_makes_a_verdict_and_no_key():
    section = _served().section(rubric_hashes(load_criteria()))
    assert set(section.criteria) == {"in_character", "scenario_focus", "engagement"}
    assert section.settings["is_language_model"] is True
    assert _offline().section({}).settings["is_language_model"] is False


def test_a_changed_criterion_has_another_hash():
    criteria = load_criteria()
    changed = criteria[0].model_copy(update={"guidance": "Otherwise."})
    assert rubric_hashes([criteria[0]]) != rubric_hashes([changed])
