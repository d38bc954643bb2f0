"""Who answers for a model under the gates: a server, or the model in this process."""

import os
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from hashlib import sha256

import orjson
from pydantic import JsonValue

from repartee_eval.prices import Price, Prices
from repartee_tune.gates.http_responder import HttpResponder, http_session
from repartee_tune.gates.policy import Policy
from repartee_tune.gates.reply_job import Contestant
from repartee_tune.gates.responder import Responder
from repartee_tune.gates.sequence import Subject
from repartee_tune.stage import file_hashes


@dataclass(frozen=True, slots=True)
class Server:
    """Where a model answers; without an address it is loaded in this process where that was asked for."""

    url: str | None
    model: str | None
    local: bool

    @property
    def answers(self) -> bool:
        """Whether anybody does."""
        return bool(self.url) or self.local


async def with_responder(
    stack: AsyncExitStack, policy: Policy, subject: Subject, server: Server, prices: Prices | None
) -> Subject:
    """Return the model with whoever answers for it; unchanged where nobody was named.

    `prices` are given where it is judged too: then its files are hashed, which kept replies are known by.
    """
    responder = await _responder(stack, policy, subject, server)
    if responder is None:
        return subject
    limits = policy.canaries
    contestant = None
    if prices is not None:
        contestant = Contestant(
            subject.name, responder, _identity(policy, subject, server), limits.max_tokens,
            _price(prices, subject, server),
        )  # fmt: skip
    return replace(subject, responder=responder, contestant=contestant)


async def _responder(
    stack: AsyncExitStack, policy: Policy, subject: Subject, server: Server
) -> Responder | None:
    limits = policy.canaries
    if server.url:
        session = await stack.enter_async_context(http_session(os.environ.get("GATE_API_KEY")))
        name = _asked_name(subject, server)
        return HttpResponder(session, server.url.rstrip("/"), name, limits.max_tokens, limits.temperature)
    if server.local:
        from repartee_tune.gates.transformers_responder import (  # noqa: PLC0415 - torch takes seconds
            LateTransformersResponder,
        )

        return LateTransformersResponder(
            subject.folder, subject.base, limits.max_tokens, limits.temperature, policy.seed
        )
    return None


def _asked_name(subject: Subject, server: Server) -> str:
    return server.model or subject.version or subject.name


def _identity(policy: Policy, subject: Subject, server: Server) -> dict[str, JsonValue]:
    """Return all that makes the model's replies what they are."""
    return {
        "files": subject.version or _sum(file_hashes(subject.folder)),
        "base": _sum(file_hashes(subject.base)) if subject.base and server.local else None,
        "url": server.url,
        "model": _asked_name(subject, server) if server.url else None,
        "max_tokens": policy.canaries.max_tokens,
        "temperature": policy.canaries.temperature,
        "seed": policy.seed,
    }


def _price(prices: Prices, subject: Subject, server: Server) -> Price | None:
    """Return what its replies cost: nothing in this process."""
    return prices.of(_asked_name(subject, server), server.url) if server.url else Price(0.0, 0.0)


def _sum(content: dict[str, str]) -> str:
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
