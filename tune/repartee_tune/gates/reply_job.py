"""A reply of a model under the gates as a call of an evaluation run: kept once it is there."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Final

import orjson
from pydantic import JsonValue

from repartee.domain.text import MESSAGE_CHARACTERS, without_controls
from repartee_eval.preferences.example import PromptTurn
from repartee_eval.prices import Price
from repartee_eval.runs.job import Answer, CallFailed
from repartee_tune.gates.responder import Responder, ResponderError

_FORMAT: Final = "repartee.gate-reply/1"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model that answers.

    `identity` is all that makes its replies what they are; a `price` of None is not known.
    """

    name: str
    responder: Responder
    identity: Mapping[str, JsonValue]
    max_tokens: int
    price: Price | None


@dataclass(frozen=True)
class GateReplyJob:
    """One reply to a prompt: a `Job` of the runner."""

    contestant: Contestant
    prompt: tuple[PromptTurn, ...]

    @cached_property
    def key(self) -> str:
        """Hash of all that determines the reply."""
        said = {
            "format": _FORMAT,
            "identity": dict(self.contestant.identity),
            "prompt": [turn.model_dump() for turn in self.prompt],
        }
        return sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()

    @property
    def endpoint(self) -> str:
        """The model."""
        return self.contestant.name

    @property
    def worst_cost(self) -> float | None:
        """US dollars of one attempt at most."""
        size = sum(len(turn.content.encode()) for turn in self.prompt)
        price = self.contestant.price
        return None if price is None else price.worst(size, self.contestant.max_tokens)

    async def send(self) -> Answer:
        """Ask once. Raises CallFailed, also for a reply without a word: it cannot be judged."""
        started = time.monotonic()
        try:
            reply = await self.contestant.responder.reply(
                [{"role": turn.role, "content": turn.content} for turn in self.prompt]
            )
        except ResponderError as error:
            raise error.failure from None
        text = without_controls(reply.text)
        if not text.strip():
            raise CallFailed("invalid_answer", "the reply has no text")
        cut = reply.finish_reason == "length" or len(text) > MESSAGE_CHARACTERS
        kept = {
            "text": text[:MESSAGE_CHARACTERS],
            "model": self.contestant.name,
            "finish_reason": "length" if cut else "stop",
        }
        return Answer(orjson.dumps(kept).decode(), time.monotonic() - started, None)
