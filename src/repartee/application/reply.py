"""What an answer is: the text, the facts that it was made from, and how it came about."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, Field

from repartee.application.guard_reply import ReplyGuardReport
from repartee.application.ports import RetrievalStatus
from repartee.application.retrieve_facts import RerankStatus
from repartee.application.safety_report import Notice, SafetyReport
from repartee.domain.cast import SpeakerReason
from repartee.domain.fact import FactOwner
from repartee.domain.lorebook.result import Reason
from repartee.domain.lorebook.state import LoreState

_NOTHING_REMEMBERED: Final = LoreState()


@dataclass(frozen=True, slots=True)
class UsedFact:
    """A fact that was put into the prompt. `score` is its cosine similarity to the message."""

    id: str
    owner: FactOwner
    text: str
    score: float
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class RetrievalReport:
    """How retrieval went; `threshold` is what a score had to exceed."""

    status: RetrievalStatus
    threshold: float | None = None
    rerank: RerankStatus = "off"


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens as the model's server counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Timings:
    """Wall time in milliseconds."""

    retrieval_ms: float = 0.0
    model_ms: float = 0.0
    total_ms: float = 0.0


class LoreLine(BaseModel):
    """One entry of a lorebook that fired, or nearly did, and why."""

    book: str
    id: str
    name: str
    fired: bool
    reason: Reason
    key: str | None = None
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class LoreReport:
    """What the lorebooks brought in. `state` is to be sent back as `lore_state` with the next message."""

    entries: tuple[LoreLine, ...] = ()
    tokens: int = 0
    state: LoreState = _NOTHING_REMEMBERED


class ChosenSpeaker(BaseModel):
    """Who of a cast speaks, and why it is that one."""

    name: str
    reason: SpeakerReason


class Alternative(BaseModel):
    """Another reply to the same request, made from the same facts. Feedback names it by its id."""

    id: str
    text: str
    finish_reason: Literal["stop", "length", "greeting"]
    guard: ReplyGuardReport | None = None
    safety: SafetyReport = SafetyReport()

    @classmethod
    def of(cls, reply: "Reply") -> "Alternative":
        """Return what is told of a reply that stands beside another."""
        return cls(
            id=reply.id,
            text=reply.text,
            finish_reason=reply.finish_reason,
            guard=reply.guard,
            safety=reply.safety,
        )


class Reply(BaseModel):
    """The character's message and how it came about."""

    id: str
    request_id: str
    text: str
    facts: list[UsedFact]
    retrieval: RetrievalReport
    model: str
    finish_reason: Literal["stop", "length", "greeting"]
    usage: TokenUsage
    timings: Timings
    guard: ReplyGuardReport | None = Field(
        default=None, description="What was changed in the model's text; null where nothing guards it."
    )
    lore: LoreReport = LoreReport()
    prompt_tokens_by_section: dict[str, int] = Field(
        default={},
        description="What the prompt was spent on, by estimate; `usage` has the server's own count.",
    )
    alternatives: list[Alternative] = Field(
        default=[], description="The other replies, where `n` asked for several."
    )
    speaker: ChosenSpeaker | None = Field(
        default=None,
        description="Who of the `cast` wrote this and all alternatives; null without one, and for the user's "
        "line (`impersonate`).",
    )
    arm: str | None = Field(default=None, description="Which arm answered; null where a model was named.")
    version: str | None = Field(
        default=None, description="The registry's id of the model, else the name that its server gave."
    )
    ai_generated: Literal[True] = True
    notices: list[Notice] = Field(default=[], description="To be shown to the user beside the reply.")
    safety: SafetyReport = SafetyReport()


class ReplyStarted(BaseModel):
    """First event of a stream: what the reply will be made from."""

    id: str
    request_id: str
    facts: list[UsedFact]
    retrieval: RetrievalReport
    lore: LoreReport = LoreReport()
    speaker: ChosenSpeaker | None = None
    arm: str | None = None
    version: str | None = Field(
        default=None, description="The registry's id of the model; null where only the answer tells it."
    )
    ai_generated: Literal[True] = True
    notices: list[Notice] = []
    safety: SafetyReport = SafetyReport()


class ReplyDelta(BaseModel):
    """A piece of the text."""

    text: str


ReplyEvent = ReplyStarted | ReplyDelta | Reply
Emit = Callable[[int, ReplyEvent], Awaitable[None]]
"""Takes the events of a stream as they come, each with its reply's place."""
