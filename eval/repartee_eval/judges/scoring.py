"""Absolute scores: how good one side is by itself, from 0 to 1, per dimension and with an explanation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from repartee.domain.text import without_controls
from repartee_eval.judges.answers import content_of, object_in
from repartee_eval.judges.fences import fenced, indented, transcript
from repartee_eval.judges.pairwise import strict_object
from repartee_eval.judges.prompts import JudgePrompts
from repartee_eval.judges.question import Judge, Question, Unreadable, chat_body, question_of
from repartee_eval.judges.reading import ScoreReading
from repartee_eval.judges.rubrics import Dimension
from repartee_eval.judges.subject import Subject
from repartee_eval.judges.views import context_of

_TOKENS: Final = 120
_MOST_EXPLANATION: Final = 4_000
_WHAT: Final = {
    "reply": "one reply of a character in a role-play chat",
    "dialogue": "a character's messages in a role-play chat",
    "summary": "a summary of a role-play chat",
}


@dataclass(frozen=True, slots=True)
class _View:
    nonce: str
    what: str
    heading: str
    judged: str
    dimensions: tuple[Dimension, ...]
    shape: str


def score_questions(
    subject: Subject,
    dimensions: Sequence[Dimension],
    judge: Judge,
    prompts: JudgePrompts,
    *,
    replicates: int = 1,
) -> list[Question]:
    """Return the questions about `subject`, one per replicate, each about all dimensions.

    A score has no order and its explanation comes first: `mode` and `joint` of the judge change nothing.
    """
    context = context_of(
        subject, subject.side.messages, judge.history if subject.kind != "summary" else 10**9
    )
    view = _View(
        nonce=context.nonce,
        what=_WHAT[subject.kind],
        heading="Summary to score" if subject.kind == "summary" else "Messages to score",
        judged=_judged(subject, context.nonce),
        dimensions=tuple(dimensions),
        shape=_shape(dimensions),
    )
    system = prompts.system("score", view)
    user = f"{prompts.context(context)}\n\n{prompts.user('score', view)}"
    room, schema = _TOKENS * len(dimensions), _schema(dimensions)
    return [
        question_of(
            judge,
            "score",
            subject.id,
            tuple(dimension.model_dump() for dimension in dimensions),
            chat_body(judge, system, user, schema, room, replicate),
            prompts.fingerprints["score"],
            replicate=replicate,
        )
        for replicate in range(replicates)
    ]


def read_scores(question: Question, raw: str) -> tuple[ScoreReading, ...] | Unreadable:
    """Return one reading per dimension, or why there is none. A number outside 0 to 1 is no score."""
    content = content_of(raw)
    if isinstance(content, Unreadable):
        return content
    names = question.criteria
    keys = {**dict.fromkeys(names, 1), "explanation": len(names), "score": len(names)}
    found = object_in(content, question, lambda value: _matches(value, names), keys)
    if isinstance(found, Unreadable):
        return found
    return tuple(
        ScoreReading(
            dimension=name,
            score=float(found.value[name]["score"]),
            explanation=without_controls(found.value[name]["explanation"])[:_MOST_EXPLANATION],
            repaired=found.repaired,
        )
        for name in names
    )


def _matches(value: Mapping[str, Any], names: Sequence[str]) -> bool:
    return set(value) == set(names) and all(_is_score(value[name]) for name in names)


def _is_score(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"explanation", "score"}:
        return False
    score = value["score"]
    is_number = isinstance(score, (int, float)) and not isinstance(score, bool)
    return isinstance(value["explanation"], str) and is_number and 0 <= score <= 1


def _judged(subject: Subject, nonce: str) -> str:
    if subject.kind == "summary":
        text = "\n".join(message.text for message in subject.side.messages)
        return fenced("summary", nonce, indented(text))
    names = (subject.user.name, subject.character.display_name)
    return fenced("messages", nonce, transcript(subject.side.messages, *names, subject.side.focus))


def _shape(dimensions: Sequence[Dimension]) -> str:
    one = '{"explanation": "…", "score": 0.00 to 1.00}'
    return "{" + ", ".join(f'"{dimension.id}": {one}' for dimension in dimensions) + "}"


def _schema(dimensions: Sequence[Dimension]) -> dict[str, Any]:
    one = strict_object({"explanation": {"type": "string"}, "score": {"type": "number"}})
    return strict_object({dimension.id: one for dimension in dimensions})
