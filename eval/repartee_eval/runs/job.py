"""One call that a run makes, whatever it asks and whomever: a verdict, a reply, a score, a moderation."""

from dataclasses import dataclass
from typing import Protocol

from repartee_eval.verdict_rows import Failure


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, untouched: `raw` is kept before anybody reads it. Seconds, US dollars, tokens."""

    raw: str
    latency: float
    cost: float | None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    model: str = ""


class CallFailed(Exception):
    """The call gave no answer. `retryable`: another attempt may; `retry_after` in seconds where it was said.

    `limited`: the server said that it gets too many calls. The message never holds text of users or keys.
    """

    def __init__(
        self,
        reason: Failure,
        message: str,
        *,
        retryable: bool = False,
        limited: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason: Failure = reason
        self.retryable = retryable
        self.limited = limited
        self.retry_after = retry_after


class Job(Protocol):
    """A call with its identity. `key` hashes all that determines the answer; `endpoint` shares one limit."""

    @property
    def key(self) -> str:
        """Sixty-four hexadecimal digits."""
        ...

    @property
    def endpoint(self) -> str:
        """Address and model, for people to read; jobs of one endpoint share a concurrency limit."""
        ...

    @property
    def worst_cost(self) -> float | None:
        """US dollars that one attempt costs at most; None where the price is not known."""
        ...

    async def send(self) -> Answer:
        """Make one attempt. Raises CallFailed."""
        ...
