"""The port through which gates get replies."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from repartee_eval.runs.job import CallFailed
from repartee_tune.errors import TuneError

Message = Mapping[str, str]
"""`role` and `content`, as chat templates take them."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply; `length` says that the token limit cut it."""

    text: str
    finish_reason: Literal["stop", "length"]


class ResponderError(TuneError):
    """A reply could not be had: the server failed, and this says nothing about the model."""

    def __init__(self, message: str, failure: CallFailed | None = None) -> None:
        super().__init__(message)
        self.failure = failure or CallFailed("unavailable", message, retryable=True)


class Responder(Protocol):
    """Whatever answers a prompt: a server, or a model in this process."""

    async def reply(self, messages: Sequence[Message]) -> Reply:
        """Answer. Raises ResponderError."""
        ...


async def gather_replies(
    responder: Responder, prompts: Sequence[Sequence[Message]], concurrency: int
) -> list[Reply | None]:
    """Answer all prompts in order, so many at once; None where no reply could be had after two attempts."""
    slots = asyncio.Semaphore(concurrency)

    async def one(messages: Sequence[Message]) -> Reply | None:
        async with slots:
            for _ in range(2):
                try:
                    return await responder.reply(messages)
                except ResponderError as error:
                    if not error.failure.retryable:
                        break
        return None

    return list(await asyncio.gather(*(one(messages) for messages in prompts)))
