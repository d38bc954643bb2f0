"""A judge, a question to it, and what may come of its answer.

A question is plain data: the body that is sent, and a key that hashes all that determines the answer, so that
resuming a run and caching are one thing.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

import orjson

from repartee_eval.cases import Order
from repartee_eval.verdict_rows import Failure

Mode = Literal["direct", "reasoned"]
"""`direct`: the verdict alone. `reasoned`: a short reason first, then the verdict."""
Kind = Literal["pairwise", "score", "moderation", "speaker"]
OFFLINE: Final = "offline-baseline"
_FORMAT: Final = "repartee.question/1"


@dataclass(frozen=True, slots=True)
class Judge:
    """Who judges, and how it is asked; all of it goes into the key.

    `address`: where it is reached, so that one model on two servers is two judges. `joint`: all criteria in
    one call. `history`: how many messages of a shared history are shown. `max_tokens`: 0 chooses by mode.
    `extra` is merged into the body last, for what one server needs (`reasoning_effort`, for one); None takes
    a field out.
    """

    model: str
    mode: Mode = "direct"
    joint: bool = False
    address: str = ""
    structured: bool = True
    logprobs: bool = False
    not_applicable: bool = False
    temperature: float = 0.0
    seed: int = 0
    max_tokens: int = 0
    history: int = 20
    extra: Mapping[str, Any] = field(default_factory=dict)
    is_language_model: bool = True

    @property
    def name(self) -> str:
        """How rows and reports call it: the model, then `@reasoned`, `@joint` or `@reasoned-joint`."""
        ways = [*(["reasoned"] if self.mode == "reasoned" else []), *(["joint"] if self.joint else [])]
        return f"{self.model}@{'-'.join(ways)}" if ways and self.is_language_model else self.model


def offline_judge() -> Judge:
    """Return the judge that is no language model: features and a stated rule, named so in every output."""
    return Judge(model=OFFLINE, mode="reasoned", structured=False, is_language_model=False)


@dataclass(frozen=True, slots=True)
class Question:
    """One call to a judge. `criteria`: ids of the criteria, dimensions or flags that it asks about.

    `subject` is the id of the case or of the subject. `order` is None where there is nothing to order.
    `labels`: the answers that it may give, for a pairwise question. `joint`: one part per criterion.
    """

    key: str
    kind: Kind
    subject: str
    criteria: tuple[str, ...]
    judge: str
    mode: Mode
    body: Mapping[str, Any]
    order: Order | None = None
    replicate: int = 0
    labels: tuple[str, ...] = ()
    joint: bool = False
    is_language_model: bool = True


@dataclass(frozen=True, slots=True)
class Unreadable:
    """No verdict, and why. `detail` says what was wrong with the answer and holds none of its text."""

    reason: Failure
    detail: str = ""


def question_of(
    judge: Judge,
    kind: Kind,
    subject: str,
    rubrics: tuple[Mapping[str, Any], ...],
    body: Mapping[str, Any],
    templates: str,
    *,
    order: Order | None = None,
    replicate: int = 0,
    labels: tuple[str, ...] = (),
) -> Question:
    """Return the question with its key. `rubrics`: the criteria as data; `templates`: the prompts' hash."""
    identity = {
        "format": _FORMAT,
        "judge": asdict(judge),
        "kind": kind,
        "subject": subject,
        "rubrics": rubrics,
        "templates": templates,
        "order": order,
        "replicate": replicate,
        "labels": labels,
        "body": body,
    }
    return Question(
        key=hashlib.sha256(orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)).hexdigest(),
        kind=kind,
        subject=subject,
        criteria=tuple(str(rubric["id"]) for rubric in rubrics),
        judge=judge.name,
        mode=judge.mode,
        body=body,
        order=order,
        replicate=replicate,
        labels=labels,
        joint=judge.joint,
        is_language_model=judge.is_language_model,
    )


def chat_body(
    judge: Judge, system: str, user: str, schema: Mapping[str, Any], max_tokens: int, replicate: int
) -> dict[str, Any]:
    """Return the chat-completions request: `schema` is enforced where the judge's server can.

    A replicate gets a seed of its own, so that a server that honours seeds does not just repeat itself.
    """
    body: dict[str, Any] = {
        "model": judge.model,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
        "temperature": judge.temperature,
        "max_tokens": judge.max_tokens or max_tokens,
        "seed": judge.seed + replicate,
    }
    if judge.structured:
        enforced = {"name": "answer", "strict": True, "schema": dict(schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": enforced}
    if judge.logprobs:
        body |= {"logprobs": True, "top_logprobs": 20}
    return {name: value for name, value in (body | dict(judge.extra)).items() if value is not None}
