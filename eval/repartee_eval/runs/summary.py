"""What a runner says while it works and when it ends."""

from collections.abc import Mapping
from dataclasses import dataclass

from repartee_eval.runs.records import Spending
from repartee_eval.verdict_rows import Failure


@dataclass(frozen=True, slots=True)
class EndpointState:
    """One endpoint now: calls in flight, how many it may have, seconds that it asked to wait."""

    endpoint: str
    in_flight: int
    limit: int
    pause: float


@dataclass(frozen=True, slots=True)
class Progress:
    """A run now. `total` is None where nobody said it; seconds since the start; money in US dollars.

    `answered`, `kept` (answered in an earlier session) and `failed` add up to what is done.
    """

    total: int | None
    answered: int
    kept: int
    failed: Mapping[Failure, int]
    spent: float
    calls: int
    seconds: float
    endpoints: tuple[EndpointState, ...]
    stopping: bool = False

    @property
    def done(self) -> int:
        """Calls with an outcome."""
        return self.answered + self.kept + sum(self.failed.values())


@dataclass(frozen=True, slots=True)
class RunSummary:
    """How a session of a run ended.

    `kept`: answers of earlier sessions, not asked for again. `duplicates`: jobs with the key of another one.
    `failed` by reason; `budget_spent` among them counts calls that were not made. `stopped`: someone asked to
    stop, and calls may be left. `calls` and `spent`: attempts sent and US dollars, this session's; `before`:
    what the run had cost until then, with what is unknown of it.
    """

    answered: int
    kept: int
    duplicates: int
    failed: Mapping[Failure, int]
    calls: int
    spent: float
    before: Spending
    seconds: float
    stopped: bool = False
    abandoned: int = 0
    """Calls in flight that the grace after a stop did not suffice for: their outcome is not known."""

    @property
    def budget_spent(self) -> bool:
        """Whether calls were left out because the budget had no room."""
        return "budget_spent" in self.failed

    @property
    def complete(self) -> bool:
        """Whether every call has an answer."""
        return not self.stopped and not self.failed

    def lines(self) -> list[str]:
        """Return the summary for people, a few short lines."""
        failed = sum(self.failed.values())
        text = [f"{self.answered} answered, {self.kept} kept from before, {failed} failed"]
        text.append(f"{self.calls} calls sent, ${self.spent:.4f}, {self.seconds:.1f} s")
        if self.failed:
            text.append("failed: " + ", ".join(f"{reason} {n}" for reason, n in sorted(self.failed.items())))
        if self.before.unknown_calls:
            text.append(
                f"{self.before.unknown_calls} earlier calls of unknown outcome, "
                f"at most ${self.before.unknown_money:.4f}"
            )
        if self.budget_spent:
            text.append("the budget is spent: repeat the command with a higher one to go on")
        if self.stopped:
            text.append(
                f"stopped, {self.abandoned} calls in flight given up: repeat the command to go on; "
                "nothing committed is asked for again"
            )
        return text
