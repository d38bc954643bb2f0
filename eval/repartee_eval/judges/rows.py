"""Verdict rows from readings: what statistics, reports and exports see."""

from repartee_eval.cases import Case
from repartee_eval.judges.question import Question, Unreadable
from repartee_eval.judges.reading import Reading
from repartee_eval.runs.job import Answer
from repartee_eval.verdict_rows import VerdictRow


def rows_of(
    question: Question, case: Case, outcome: tuple[Reading, ...] | Unreadable, answer: Answer | None
) -> tuple[VerdictRow, ...]:
    """Return one row per criterion of the question.

    Without a reading each criterion gets a failed row. `answer` is None where the call itself failed; then
    the outcome is `Unreadable(reason)` with the reason of CallFailed.
    """
    if isinstance(outcome, Unreadable):
        readings: tuple[Reading | Unreadable, ...] = (outcome,) * len(question.criteria)
    else:
        readings = outcome
    return tuple(
        row_of(question, case, criterion, reading, answer)
        for criterion, reading in zip(question.criteria, readings, strict=True)
    )


def row_of(
    question: Question, case: Case, criterion: str, reading: Reading | Unreadable, answer: Answer | None
) -> VerdictRow:
    """Return the row of one criterion. A call's cost is split over its criteria, its latency is not."""
    cost = answer.cost / len(question.criteria) if answer and answer.cost is not None else None
    return VerdictRow(
        item=case.id,
        cluster=case.cluster,
        criterion=criterion,
        model_a=case.a.model,
        model_b=case.b.model,
        first=None if question.order is None else "a" if question.order == "ab" else "b",
        verdict="failed" if isinstance(reading, Unreadable) else reading.verdict,
        p_b=None if isinstance(reading, Unreadable) else reading.p_b,
        judge=question.judge,
        len_a=case.a.length,
        len_b=case.b.length,
        character=case.character_id,
        scenario=case.scenario_id or "",
        depth=case.depth or "",
        replicate=question.replicate,
        failure=reading.reason if isinstance(reading, Unreadable) else None,
        latency=answer.latency if answer else None,
        cost=cost,
        reason="" if isinstance(reading, Unreadable) else reading.reason,
    )
