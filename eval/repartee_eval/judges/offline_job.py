"""The offline baseline as a job of the runner: the same path as a judge's call, computed here."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from repartee_eval.judges.question import OFFLINE, Question
from repartee_eval.runs.job import Answer


@dataclass(frozen=True, slots=True)
class OfflineJob:
    """Answers `question` by calling `compute`, such as `lambda: offline_verdict(question, case)`."""

    question: Question
    compute: Callable[[], str]

    @property
    def key(self) -> str:
        """The question's key."""
        return self.question.key

    @property
    def endpoint(self) -> str:
        """The baseline's name: it is no server."""
        return OFFLINE

    @property
    def worst_cost(self) -> float | None:
        """Nothing."""
        return 0.0

    async def send(self) -> Answer:
        """Compute the answer."""
        start = time.perf_counter()
        raw = self.compute()
        return Answer(raw=raw, latency=time.perf_counter() - start, cost=0.0, model=OFFLINE)
