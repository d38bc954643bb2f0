"""What was read in a judge's answer. Each reader returns one of these per criterion, or an Unreadable."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["none", "mild", "severe"]


@dataclass(frozen=True, slots=True)
class Reading:
    """A verdict about two sides, already mapped back from the order in which they were shown.

    `p_b`: probability that B is better, ties counted half; None where the answer has no log-probabilities.
    `repaired`: the answer was not the one JSON object that was asked for.
    """

    criterion: str
    verdict: Literal["a", "b", "tie", "not_applicable"]
    p_b: float | None = None
    reason: str = ""
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class ScoreReading:
    """An absolute score, 0 to 1, with its explanation."""

    dimension: str
    score: float
    explanation: str
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class FlagReading:
    """Whether a flag is raised, and how strongly. `score`: the moderation endpoint's, 0 to 1."""

    flag: str
    level: Level
    reason: str = ""
    score: float | None = None
    repaired: bool = False

    @property
    def raised(self) -> bool:
        """Whether there is anything at all."""
        return self.level != "none"
