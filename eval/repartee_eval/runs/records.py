"""What a run's store holds, as it is read back."""

from dataclasses import dataclass

from repartee_eval.runs.job import Answer
from repartee_eval.verdict_rows import Failure


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer with the number of attempts that it took, and when it was committed (seconds since 1970)."""

    key: str
    answer: Answer
    endpoint: str
    attempts: int
    at: float


@dataclass(frozen=True, slots=True)
class StoredFailure:
    """A call that gave no answer in the last session that tried it."""

    key: str
    reason: Failure
    message: str
    endpoint: str
    attempts: int
    at: float


@dataclass(frozen=True, slots=True)
class Spending:
    """What a run has cost so far, over all its sessions.

    `money` in US dollars counts known costs, and the worst cost of attempts whose cost nobody said.
    `unknown_calls` were sent by a process that ended before their outcome was committed; they are part of
    `calls`, and `unknown_money`, the most that they can have cost, is part of `money`.
    """

    calls: int = 0
    money: float = 0.0
    unknown_calls: int = 0
    unknown_money: float = 0.0
