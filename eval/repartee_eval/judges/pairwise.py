"""Pairwise questions: which of two sides is better, asked about each criterion in both orders."""

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final, Literal

from repartee_eval.cases import Case, Order, Side
from repartee_eval.judges.fences import fenced, transcript
from repartee_eval.judges.prompts import JudgePrompts
from repartee_eval.judges.question import Judge, Question, chat_body, question_of
from repartee_eval.judges.rubrics import Criterion
from repartee_eval.judges.views import Context, context_of

Orders = Literal["both", "single"]
_LABELS: Final = ("1", "2", "tie")
_DIRECT_TOKENS: Final = 40
_REASONED_TOKENS: Final = 300


@dataclass(frozen=True, slots=True)
class _View:
    nonce: str
    first: str
    second: str
    criteria: tuple[Criterion, ...]
    reasoned: bool
    not_applicable: bool
    shape: str


def pairwise_questions(
    case: Case,
    criteria: Sequence[Criterion],
    judge: Judge,
    prompts: JudgePrompts,
    *,
    orders: Orders = "both",
    replicates: int = 1,
    seed: int = 0,
) -> list[Question]:
    """Return the questions about `case`: per order and replicate one per criterion, or one in all (`joint`).

    `single` asks in one order only, drawn per case from `seed`: half the price, and no order flip is seen.
    """
    context = context_of(case, (*case.a.messages, *case.b.messages), judge.history)
    shared, system = prompts.context(context), prompts.system("pairwise", context)
    groups = [tuple(criteria)] if judge.joint else [(criterion,) for criterion in criteria]
    asked: tuple[Order, ...] = ("ab", "ba") if orders == "both" else (single_order(case.id, seed),)
    labels = (*_LABELS, "not_applicable") if judge.not_applicable else _LABELS
    return [
        question_of(
            judge,
            "pairwise",
            case.id,
            tuple(criterion.model_dump() for criterion in group),
            _body(judge, prompts, case, context, (system, shared), group, labels, order, replicate),
            prompts.fingerprints["pairwise"],
            order=order,
            replicate=replicate,
            labels=labels,
        )
        for replicate in range(replicates)
        for order in asked
        for group in groups
    ]


def single_order(case_id: str, seed: int) -> Order:
    """Return the one order in which a case is shown; over many cases each side is first half the time."""
    return "ab" if hashlib.sha256(f"{seed}\x1f{case_id}".encode()).digest()[0] % 2 else "ba"


def sending_order(questions: Iterable[Question], seed: int = 0) -> list[Question]:
    """Return the questions shuffled, so that the two orders of a pair are far apart.

    Subjects are shuffled once and gone through in passes; each pass holds one order (or replicate) of each
    subject with all its criteria. Which order comes first is drawn per subject. With equal subjects the two
    orders of a pair are one whole pass apart.
    """
    rng = random.Random(seed)
    subjects: defaultdict[str, defaultdict[tuple[str, int], list[Question]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for question in questions:
        subjects[question.subject][question.order or "", question.replicate].append(question)
    shuffled = [subjects[name] for name in sorted(subjects)]
    rng.shuffle(shuffled)
    looks = [_alternating(subject, rng.random() < 0.5) for subject in shuffled]
    return [question for each in zip_longest(*looks, fillvalue=()) for look in each for question in look]


def _alternating(subject: dict[tuple[str, int], list[Question]], swapped: bool) -> list[list[Question]]:
    """Return a subject's looks, replicate by replicate, first in one order and then in the other."""
    ranked = sorted(subject, key=lambda look: (look[1], (look[0] == "ba") != swapped))
    return [sorted(subject[look], key=lambda question: question.criteria) for look in ranked]


def _body(
    judge: Judge,
    prompts: JudgePrompts,
    case: Case,
    context: Context,
    fixed: tuple[str, str],
    criteria: tuple[Criterion, ...],
    labels: tuple[str, ...],
    order: Order,
    replicate: int,
) -> dict[str, Any]:
    sides = (case.a, case.b) if order == "ab" else (case.b, case.a)
    view = _View(
        nonce=context.nonce,
        first=_candidate(case, sides[0], 1, context.nonce),
        second=_candidate(case, sides[1], 2, context.nonce),
        criteria=criteria,
        reasoned=judge.mode == "reasoned",
        not_applicable=judge.not_applicable,
        shape=_shape(judge, criteria, labels),
    )
    system, shared = fixed
    user = f"{shared}\n\n{prompts.user('pairwise', view)}"
    room = (_REASONED_TOKENS if judge.mode == "reasoned" else _DIRECT_TOKENS) * len(criteria)
    return chat_body(judge, system, user, _schema(judge, criteria, labels), room, replicate)


def _candidate(case: Case, side: Side, number: int, nonce: str) -> str:
    text = transcript(side.messages, case.user.name, case.character.display_name, side.focus)
    return fenced(f"candidate {number}", nonce, text)


def _shape(judge: Judge, criteria: tuple[Criterion, ...], labels: tuple[str, ...]) -> str:
    choices = " | ".join(f'"{label}"' for label in labels)
    reason = '"reason": "…", ' if judge.mode == "reasoned" else ""
    one = f'{{{reason}"verdict": {choices}}}'
    if not judge.joint:
        return one
    return "{" + ", ".join(f'"{criterion.id}": {one}' for criterion in criteria) + "}"


def _schema(judge: Judge, criteria: tuple[Criterion, ...], labels: tuple[str, ...]) -> dict[str, Any]:
    verdict = {"type": "string", "enum": list(labels)}
    fields = {"reason": {"type": "string"}} if judge.mode == "reasoned" else {}
    one = strict_object({**fields, "verdict": verdict})
    return strict_object({criterion.id: one for criterion in criteria}) if judge.joint else one


def strict_object(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of an object with just these properties, all of them required."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
