"""One command's run: opened, judged, derived. What is read of it afterwards comes from its folder alone."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from repartee_eval.cases import Case
from repartee_eval.comparison import Plan, derive, judge_cases
from repartee_eval.panel import Seat, rubric_hashes
from repartee_eval.policy import Policy
from repartee_eval.runs.budget import Budget
from repartee_eval.runs.folder import Run, open_run
from repartee_eval.runs.job import Job
from repartee_eval.runs.limits import Concurrency
from repartee_eval.runs.manifest import Manifest
from repartee_eval.runs.runner import OnProgress, Runner
from repartee_eval.runs.stop_signals import stop_on_signals
from repartee_eval.runs.summary import RunSummary


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast and how far a command goes; none of it changes what it finds."""

    budget: Budget = field(default_factory=Budget)
    in_flight: int = 16
    on_progress: OnProgress | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What a command wants: `config` and `data` (SHA-256 by file name) say when two commands are the same."""

    folder: Path
    command: str
    models: tuple[str, ...]
    config: Mapping[str, JsonValue]
    data: Mapping[str, str]
    plan: Plan
    policy: Policy
    seats: tuple[Seat, ...]
    limits: Limits = field(default_factory=Limits)
    rejudge: bool = False

    def manifest(self) -> Manifest:
        """Return the run's manifest. The policy is recorded, and may differ when the run is read again."""
        rubrics = rubric_hashes([*self.plan.asking.criteria, *self.plan.flags])
        return Manifest(
            command=self.command,
            models=self.models,
            config={
                **self.config,
                "orders": self.plan.asking.orders,
                "replicates": self.plan.asking.replicates,
                "criteria": [criterion.id for criterion in self.plan.asking.criteria],
                "floors": [flag.id for flag in self.plan.flags],
                "probe_cases": self.plan.probe_cases,
                "stop_early": self.plan.stop_early,
                "policy": self.policy.model_dump(mode="json"),
            },
            data=dict(self.data),
            seed=self.plan.asking.seed,
            judges=tuple(seat.section(rubrics) for seat in self.seats),
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command's run ended. `stopped_early`: why no further look was needed."""

    summary: RunSummary
    stopped_early: str

    @property
    def finished(self) -> bool:
        """Whether all calls that were needed were made, though some may have failed."""
        return not self.summary.stopped and not self.summary.budget_spent


class Session:
    """An open run with its limits."""

    def __init__(self, run: Run, order: Order) -> None:
        self.run = run
        self._order = order
        self._runner: Runner | None = None

    def stop(self) -> None:
        """Take no more jobs."""
        if self._runner:
            self._runner.stop()

    async def send(self, jobs: Iterable[Job], total: int) -> RunSummary:
        """Send jobs within the run's limits."""
        limits = self._order.limits
        self._runner = Runner(
            self.run.store,
            concurrency=Concurrency(start=min(16, limits.in_flight), cap=limits.in_flight),
            budget=limits.budget,
        )
        return await self._runner.run(jobs, limits.on_progress, total)

    async def judge(self, cases: Sequence[Case], *, replies: int = 0, unanswered: int = 0) -> Ended:
        """Judge the cases and write what the answers say, and how many replies are missing."""
        order = self._order
        summary, reason = await judge_cases(self.run, cases, order.seats, order.plan, order.policy, self.send)
        await derive(self.run, cases, order.seats, order.plan, replies=replies, unanswered=unanswered)
        return Ended(summary, reason)


@asynccontextmanager
async def open_session(order: Order) -> AsyncIterator[Session]:
    """Make or resume the run; the first Ctrl-C ends it in good order. Raises EvalError."""
    with open_run(order.folder, order.manifest(), rejudge=order.rejudge) as run:
        session = Session(run, order)
        with stop_on_signals(session.stop):
            yield session
