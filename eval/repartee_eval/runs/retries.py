"""How often and after which wait a call is tried again; the only place of evaluation that decides it."""

from dataclasses import dataclass

from repartee_eval.runs.job import CallFailed


@dataclass(frozen=True, slots=True)
class Retries:
    """Attempts per call, seconds for each, and the backoff between them.

    The wait is drawn evenly from nought to `base` · 2^n seconds, `longest` at most (full jitter). A 429 is
    no fault of the call: it has `refusals` of its own, and the endpoint's lower limit does the rest.
    """

    attempts: int = 6
    refusals: int = 30
    seconds: float = 120.0
    base: float = 0.5
    longest: float = 30.0

    def __post_init__(self) -> None:
        if min(self.attempts, self.refusals) < 1 or min(self.seconds, self.base, self.longest) <= 0:
            raise ValueError("retries: numbers must be positive")


class Tries:
    """The attempts of one call so far."""

    def __init__(self, retries: Retries) -> None:
        self.made = 0
        self._retries = retries
        self._failed = 0
        self._refused = 0

    def again(self, failure: CallFailed) -> bool:
        """Count a failed attempt and return whether another is worth making."""
        if failure.limited:
            self._refused += 1
            return self._refused < self._retries.refusals
        self._failed += 1
        return failure.retryable and self._failed < self._retries.attempts

    def wait(self, failure: CallFailed, draw: float) -> float:
        """Return the seconds to wait; `draw` is random in [0, 1). What the endpoint asked for is extra."""
        if failure.retry_after is not None:  # the endpoint's pause holds this call back as well
            return draw * self._retries.base
        count = self._refused if failure.limited else self._failed
        return draw * min(self._retries.longest, self._retries.base * 2.0 ** min(count - 1, 30))
