"""Moderation: which flags the character's messages raise, asked of a judge or of POST /v1/moderations."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from repartee.domain.text import without_controls
from repartee_eval.judges.answers import content_of, object_in, reported_failure
from repartee_eval.judges.fences import fenced, transcript
from repartee_eval.judges.pairwise import strict_object
from repartee_eval.judges.prompts import JudgePrompts
from repartee_eval.judges.question import Judge, Question, Unreadable, chat_body, question_of
from repartee_eval.judges.reading import FlagReading, Level
from repartee_eval.judges.rubrics import Flag
from repartee_eval.judges.subject import Subject
from repartee_eval.judges.views import context_of

_TOKENS: Final = 60
_MOST_REASON: Final = 2_000
# A body is sent with sorted keys, and models answer in the schema's order: what is thought first is first in
# the alphabet too (evidence before level, reason before verdict, explanation before score).
_LEVELS: Final[tuple[Level, ...]] = ("none", "mild", "severe")
ENDPOINT_MODEL: Final = "omni-moderation-latest"


@dataclass(frozen=True, slots=True)
class _View:
    nonce: str
    judged: str
    flags: tuple[Flag, ...]
    shape: str


def moderation_question(
    subject: Subject, flags: Sequence[Flag], judge: Judge, prompts: JudgePrompts, replicate: int = 0
) -> Question:
    """Return one question about all flags: which of them the judged messages raise, and how strongly."""
    context = context_of(subject, subject.side.messages, judge.history)
    names = (subject.user.name, subject.character.display_name)
    judged = transcript(subject.side.messages, *names, subject.side.focus)
    view = _View(context.nonce, fenced("messages", context.nonce, judged), tuple(flags), _shape(flags))
    system = prompts.system("moderation", view)
    user = f"{prompts.context(context)}\n\n{prompts.user('moderation', view)}"
    body = chat_body(judge, system, user, _schema(flags), _TOKENS * len(flags), replicate)
    data = tuple(flag.model_dump() for flag in flags)
    templates = prompts.fingerprints["moderation"]
    return question_of(judge, "moderation", subject.id, data, body, templates, replicate=replicate)


def read_flags(question: Question, raw: str) -> tuple[FlagReading, ...] | Unreadable:
    """Return one reading per flag of a judge's answer, or why there is none."""
    content = content_of(raw)
    if isinstance(content, Unreadable):
        return content
    names = question.criteria
    keys = {**dict.fromkeys(names, 1), "evidence": len(names), "level": len(names)}
    found = object_in(content, question, lambda value: _matches(value, names), keys)
    if isinstance(found, Unreadable):
        return found
    return tuple(
        FlagReading(
            flag=name,
            level=found.value[name]["level"],
            reason=without_controls(found.value[name]["evidence"])[:_MOST_REASON],
            repaired=found.repaired,
        )
        for name in names
    )


def endpoint_question(
    subject: Subject, flags: Sequence[Flag], address: str, model: str = ENDPOINT_MODEL
) -> Question:
    """Return the request to POST /v1/moderations: the judged texts of the character, no context.

    It asks about those of `flags` that name categories of the endpoint; the others need a judge.
    """
    known = tuple(flag for flag in flags if flag.endpoint)
    judged = subject.side.messages[subject.side.focus :]
    text = "\n\n".join(message.text for message in judged if message.role == "character")
    judge = Judge(model=model, address=address, structured=False)
    data = tuple(flag.model_dump() for flag in known)
    return question_of(judge, "moderation", subject.id, data, {"model": model, "input": text}, "")


def read_endpoint(
    question: Question, raw: str, flags: Sequence[Flag]
) -> tuple[FlagReading, ...] | Unreadable:
    """Return one reading per flag that the endpoint knows.

    A category that is true raises the flag; one of `endpoint_severe` makes it severe. `score` is the highest
    category score. A category that the answer lacks counts as not raised, if another of the flag's is there.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return Unreadable("invalid_answer", "the answer is not JSON")
    if isinstance(body, dict) and body.get("error"):
        return Unreadable(reported_failure(body["error"]), "the answer is an error")
    results = body.get("results") if isinstance(body, dict) else None
    result = results[0] if isinstance(results, list) and len(results) == 1 else None
    categories = result.get("categories") if isinstance(result, dict) else None
    scores = result.get("category_scores") if isinstance(result, dict) else None
    asked = [flag for flag in flags if flag.id in question.criteria]
    if not isinstance(categories, dict) or not all(
        any(type(categories.get(name)) is bool for name in flag.endpoint) for flag in asked
    ):
        return Unreadable("invalid_answer", "the answer lacks the categories of a flag")
    return tuple(
        _of_categories(flag, categories, scores if isinstance(scores, dict) else {}) for flag in asked
    )


def _of_categories(flag: Flag, categories: Mapping[str, Any], scores: Mapping[str, Any]) -> FlagReading:
    raised = [name for name in flag.endpoint if categories.get(name) is True]
    severe = any(name in flag.endpoint_severe for name in raised)
    numbers: list[Any] = [scores.get(name) for name in flag.endpoint]
    known = [float(number) for number in numbers if type(number) in {int, float} and 0 <= number <= 1]
    return FlagReading(
        flag=flag.id,
        level="severe" if severe else "mild" if raised else "none",
        reason=f"categories: {', '.join(raised)}" if raised else "",
        score=max(known, default=None),
    )


def _matches(value: Mapping[str, Any], names: Sequence[str]) -> bool:
    return set(value) == set(names) and all(_is_level(value[name]) for name in names)


def _is_level(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"evidence", "level"}:
        return False
    return value["level"] in _LEVELS and isinstance(value["evidence"], str)


def _shape(flags: Sequence[Flag]) -> str:
    one = '{"evidence": "…", "level": "none" | "mild" | "severe"}'
    return "{" + ", ".join(f'"{flag.id}": {one}' for flag in flags) + "}"


def _schema(flags: Sequence[Flag]) -> dict[str, Any]:
    level = {"type": "string", "enum": list(_LEVELS)}
    one = strict_object({"evidence": {"type": "string"}, "level": level})
    return strict_object({flag.id: one for flag in flags})
