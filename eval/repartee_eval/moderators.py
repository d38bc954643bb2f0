"""Who says which flags a message raises: a judge, or a server's moderation endpoint."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import orjson

from repartee_eval.judges.moderating import ENDPOINT_MODEL, endpoint_question, read_endpoint
from repartee_eval.judges.question import Question, Unreadable
from repartee_eval.judges.reading import FlagReading
from repartee_eval.judges.rubrics import Flag
from repartee_eval.judges.subject import Subject
from repartee_eval.panel import Seat
from repartee_eval.runs.chat_endpoint import ChatEndpoint
from repartee_eval.runs.job import Answer, Job
from repartee_eval.runs.store_reader import StoreReader

_PATH: Final = "moderations"
Read = tuple[FlagReading, ...] | Unreadable | None
"""What was read of a kept answer; None where the call was not made."""


class Moderator(Protocol):
    """Asked once per message, about the flags that it knows."""

    @property
    def name(self) -> str:
        """How files and reports call it."""
        ...

    @property
    def is_language_model(self) -> bool:
        """Whether it is a trained model; the offline baseline is a word list."""
        ...

    def knows(self, flag: Flag) -> bool:
        """Return whether it can be asked about a flag."""
        ...

    def job(self, subject: Subject, flags: Sequence[Flag]) -> Job:
        """Return the call about a message."""
        ...

    def read(self, subject: Subject, flags: Sequence[Flag], store: StoreReader) -> Read:
        """Return what the kept answer about a message says."""
        ...


@dataclass(frozen=True, slots=True)
class JudgeModerator:
    """A judge: it knows every flag."""

    seat: Seat

    @property
    def name(self) -> str:
        """The judge's name."""
        return self.seat.judge.name

    @property
    def is_language_model(self) -> bool:
        """Not so for the offline baseline."""
        return self.seat.judge.is_language_model

    def knows(self, _flag: Flag) -> bool:
        """Return True: it reads the flag's question."""
        return True

    def job(self, subject: Subject, flags: Sequence[Flag]) -> Job:
        """Return the call about a message."""
        return self.seat.flag_job(self.seat.flag_question(subject, flags), subject, flags)

    def read(self, subject: Subject, flags: Sequence[Flag], store: StoreReader) -> Read:
        """Return what the kept answer says."""
        return self.seat.flags(subject, flags, store)


@dataclass(frozen=True, slots=True)
class ModerationJob:
    """A call to POST /moderations: a `Job` of the runner. OpenAI charges nothing for it."""

    question: Question
    server: ChatEndpoint

    @property
    def key(self) -> str:
        """The question's key."""
        return self.question.key

    @property
    def endpoint(self) -> str:
        """Address and model."""
        return self.server.name

    @property
    def worst_cost(self) -> float | None:
        """Nothing."""
        return 0.0

    async def send(self) -> Answer:
        """Make one attempt. Raises CallFailed."""
        started = time.monotonic()
        body = orjson.dumps(self.question.body, option=orjson.OPT_SORT_KEYS)
        raw = await self.server.post(_PATH, body)
        return Answer(
            raw.decode(errors="replace"), time.monotonic() - started, 0.0, model=self.question.judge
        )


@dataclass(frozen=True, slots=True)
class EndpointModerator:
    """A server with POST /moderations below `address`; it knows the flags that name its categories."""

    address: str
    server: ChatEndpoint
    model: str = ENDPOINT_MODEL

    @property
    def name(self) -> str:
        """The endpoint's model."""
        return self.model

    @property
    def is_language_model(self) -> bool:
        """True: a trained classifier."""
        return True

    def knows(self, flag: Flag) -> bool:
        """Return whether the flag has categories."""
        return bool(flag.endpoint)

    def job(self, subject: Subject, flags: Sequence[Flag]) -> Job:
        """Return the call about a message."""
        return ModerationJob(endpoint_question(subject, flags, self.address, self.model), self.server)

    def read(self, subject: Subject, flags: Sequence[Flag], store: StoreReader) -> Read:
        """Return what the kept answer says."""
        question = endpoint_question(subject, flags, self.address, self.model)
        if kept := store.answer(question.key):
            return read_endpoint(question, kept.answer.raw, flags)
        failure = store.failure(question.key)
        return Unreadable(failure.reason, failure.message) if failure else None
