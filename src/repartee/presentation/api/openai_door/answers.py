"""What clients get back: OpenAI's documents, with one key of ours, `repartee`."""

import re
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import BaseModel
from starlette.responses import Response

from repartee.application.reply import Emit, Reply, ReplyStarted, RetrievalReport, UsedFact
from repartee.application.safety_report import Notice, SafetyReport
from repartee.presentation.api.openapi import json_answer

_IN_A_HEADER: Final = re.compile(r"[!-~]{1,200}", re.ASCII)  # a server may call its model anything


@dataclass(frozen=True, slots=True)
class Order:
    """A request that was read, ready to be worked on in either way."""

    model: str
    request_id: str
    count: int
    with_usage: bool
    ignored: tuple[str, ...]
    several: Callable[[], Coroutine[Any, Any, list[Reply]]]
    stream: Callable[[Emit], Coroutine[Any, Any, None]]
    created: int = field(default_factory=lambda: int(time.time()))


class AboutReply(BaseModel):
    """How the answer came about: `ids` has one reply id for each choice, for feedback."""

    ids: list[str]
    request_id: str
    facts: list[UsedFact]
    retrieval: RetrievalReport
    model: str | None = None
    arm: str | None = None
    version: str | None = None
    ignored: list[str] = []
    ai_generated: Literal[True] = True
    notices: list[Notice] = []
    safety: SafetyReport = SafetyReport()


class Usage(BaseModel):
    """Tokens as the model's server counted them, over all choices."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class AnswerMessage(BaseModel):
    """What the character says."""

    role: Literal["assistant"] = "assistant"
    content: str


class Choice(BaseModel):
    """One of the replies."""

    index: int
    message: AnswerMessage
    finish_reason: Literal["stop", "length"]


class ChatCompletion(BaseModel):
    """OpenAI's answer. `model` is the id that was asked for; which model answered says `repartee.model`."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    repartee: AboutReply


def completion(order: Order, replies: Sequence[Reply]) -> Response:
    """Return the whole answer."""
    answer = json_answer(
        ChatCompletion(
            id=replies[0].id,
            created=order.created,
            model=order.model,
            choices=[
                Choice(
                    index=place,
                    message=AnswerMessage(content=reply.text),
                    finish_reason=finish_reason(reply),
                )
                for place, reply in enumerate(replies)
            ],
            usage=usage_of(replies),
            repartee=about(order, replies),
        )
    )
    answer.headers.update(headers_about(replies[0]))
    return answer


def about(order: Order, replies: Sequence[Reply]) -> AboutReply:
    """Return what is to be said about finished replies."""
    return AboutReply(
        ids=[reply.id for reply in replies],
        request_id=order.request_id,
        facts=replies[0].facts,
        retrieval=replies[0].retrieval,
        model=replies[0].model,
        arm=replies[0].arm,
        version=replies[0].version,
        ignored=[*order.ignored],
        notices=notices_of(replies),
        safety=_gravest(replies),
    )


def about_started(order: Order, started: ReplyStarted) -> AboutReply:
    """Return what is known before the first word."""
    return AboutReply(
        ids=[started.id],
        request_id=order.request_id,
        facts=started.facts,
        retrieval=started.retrieval,
        arm=started.arm,
        version=started.version,
        ignored=[*order.ignored],
        notices=started.notices,
        safety=started.safety,
    )


def headers_about(reply: Reply | ReplyStarted) -> Mapping[str, str]:
    """Return the headers of an answer. A stream's has no version where only the model's answer tells it."""
    about = {
        "X-Repartee-Request-Id": reply.request_id,
        "X-Repartee-Facts": str(len(reply.facts)),
        "X-Repartee-Retrieval": reply.retrieval.status,
    }
    if reply.notices:
        about["X-Repartee-Notices"] = ",".join(notice.kind for notice in reply.notices)
    if reply.arm:
        about["X-Repartee-Arm"] = reply.arm
    if reply.version and _IN_A_HEADER.fullmatch(reply.version):
        about["X-Repartee-Version"] = reply.version
    return about


def notices_of(replies: Sequence[Reply]) -> list[Notice]:
    """Return the notices of all choices, each once."""
    return list({notice.kind: notice for reply in replies for notice in reply.notices}.values())


def _gravest(replies: Sequence[Reply]) -> SafetyReport:
    levels = ("none", "passive", "unknown", "active")
    return max((reply.safety for reply in replies), key=lambda report: levels.index(report.self_harm))


def usage_of(replies: Sequence[Reply]) -> Usage:
    """Return the tokens of all replies together."""
    asked = sum(reply.usage.prompt_tokens for reply in replies)
    answered = sum(reply.usage.completion_tokens for reply in replies)
    return Usage(prompt_tokens=asked, completion_tokens=answered, total_tokens=asked + answered)


def finish_reason(reply: Reply) -> Literal["stop", "length"]:
    """Return why the reply ended, in OpenAI's words."""
    return "length" if reply.finish_reason == "length" else "stop"
