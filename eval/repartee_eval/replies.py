"""A candidate's reply at a point of a logged dialogue, made through the service's own prompt path."""

import hashlib
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import orjson

from repartee.application.generate_reply import GenerateReply, Reply
from repartee.application.generate_request import GenerateRequest
from repartee.application.reply_options import GenerationOptions, RetrievalOptions
from repartee.domain.character import Character
from repartee.domain.dialogue import Message
from repartee.domain.errors import (
    CircuitOpen,
    DeadlineExceeded,
    InvalidInput,
    ReparteeError,
    UpstreamError,
    UpstreamInvalid,
    UpstreamMisconfigured,
    UpstreamModerated,
    UpstreamOutOfCredits,
    UpstreamRateLimited,
    UpstreamRefusedRequest,
    UpstreamTimeout,
    UpstreamTransient,
    UpstreamUnreachable,
)
from repartee.domain.scenario import Scenario
from repartee.domain.user import User
from repartee_eval.runs.job import Answer, CallFailed
from repartee_eval.verdict_rows import Failure

_FORMAT: Final = "repartee.reply/1"
_REASONS: Final[tuple[tuple[type[ReparteeError], Failure], ...]] = (
    (UpstreamTimeout, "timeout"),
    (DeadlineExceeded, "timeout"),
    (UpstreamUnreachable, "unreachable"),
    (UpstreamRateLimited, "rate_limited"),
    (UpstreamTransient, "unavailable"),
    (CircuitOpen, "unavailable"),
    (UpstreamMisconfigured, "misconfigured"),
    (UpstreamOutOfCredits, "out_of_credits"),
    (UpstreamModerated, "moderated"),
    (UpstreamRefusedRequest, "refused"),
    (UpstreamInvalid, "invalid_answer"),
    (InvalidInput, "refused"),
)


@dataclass(frozen=True, slots=True)
class Replier:
    """The service's reply path with one model. `address` is that model, as a person wrote it.

    `templates` is the hash of the prompt templates; with the sampling settings it is part of a reply's key.
    """

    generate: GenerateReply
    address: str
    templates: str
    max_tokens: int
    temperature: float | None = None
    seed: int = 0
    worst_cost: float | None = None


@dataclass(frozen=True)
class ReplyJob:
    """One reply to `messages`: a `Job` of the runner."""

    replier: Replier
    character: Character
    user: User
    scenario: Scenario | None
    messages: tuple[Message, ...]

    @cached_property
    def key(self) -> str:
        """Hash of all that determines the reply."""
        identity = {
            "format": _FORMAT,
            "model": self.replier.address,
            "templates": self.replier.templates,
            "sampling": [self.replier.max_tokens, self.replier.temperature, self.replier.seed],
            "character": self.character.model_dump(mode="json"),
            "user": self._user.model_dump(mode="json"),
            "scenario": self.scenario and self.scenario.model_dump(mode="json"),
            "messages": [message.model_dump(mode="json") for message in self.messages],
        }
        return hashlib.sha256(orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)).hexdigest()

    @property
    def endpoint(self) -> str:
        """The model."""
        return self.replier.address

    @property
    def worst_cost(self) -> float | None:
        """What a reply of the greatest length costs, in US dollars."""
        return self.replier.worst_cost

    @property
    def _user(self) -> User:
        """Without the id: a replay retrieves nothing."""
        return self.user.model_copy(update={"id": None})

    async def send(self) -> Answer:
        """Ask for the reply once. Raises CallFailed."""
        request = GenerateRequest(
            messages=self.messages,
            user=self._user,
            character=self.character,
            scenario=self.scenario,
            generation=GenerationOptions(
                max_tokens=self.replier.max_tokens,
                temperature=self.replier.temperature,
                seed=self.replier.seed,
            ),
            retrieval=RetrievalOptions(enabled=False),
        )
        started = time.perf_counter()
        try:
            reply = await self.replier.generate(request, f"eval_{self.key[:32]}")
        except ReparteeError as error:
            raise _failed(error) from None
        if not isinstance(reply, Reply):
            raise CallFailed("invalid_answer", "a prompt instead of a reply")
        return _answer(reply, time.perf_counter() - started)


@dataclass(frozen=True, slots=True)
class GivenReply:
    """A reply as it is read from a kept answer."""

    text: str
    model: str
    truncated: bool


def read_reply(raw: str) -> GivenReply:
    """Return the reply that `ReplyJob` kept."""
    kept = orjson.loads(raw)
    return GivenReply(kept["text"], kept["model"], kept["finish_reason"] == "length")


def _answer(reply: Reply, latency: float) -> Answer:
    kept = {"text": reply.text, "model": reply.model, "finish_reason": reply.finish_reason}
    return Answer(
        raw=orjson.dumps(kept).decode(),
        latency=latency,
        cost=None,
        prompt_tokens=reply.usage.prompt_tokens,
        completion_tokens=reply.usage.completion_tokens,
        model=reply.model,
    )


def _failed(error: ReparteeError) -> CallFailed:
    reason = next((reason for kind, reason in _REASONS if isinstance(error, kind)), None)
    if reason is None:
        raise error
    after = error.retry_after if isinstance(error, UpstreamRateLimited | CircuitOpen) else None
    return CallFailed(
        reason,
        error.message if isinstance(error, UpstreamError) else error.code,
        retryable=isinstance(error, UpstreamTransient | CircuitOpen | DeadlineExceeded),
        limited=isinstance(error, UpstreamRateLimited),
        retry_after=after,
    )
