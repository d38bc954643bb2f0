"""What may be chosen about an analysis."""

from dataclasses import dataclass
from typing import Literal

from repartee_eval.errors import EvalError

ClusterBy = Literal["dialogue", "character"]
ScoreBy = Literal["auto", "verdict", "probability"]


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """The choices, with their defaults.

    `margin`: how much below 1/2 the win rate may be for a non-inferior B. `cluster`: what is independent.
    `score`: `auto` takes the verdict, and the probability where a file has probabilities only.
    """

    margin: float = 0.05
    level: float = 0.95
    cluster: ClusterBy = "dialogue"
    score: ScoreBy = "auto"
    seed: int = 0
    resamples: int = 1_000

    def __post_init__(self) -> None:
        if not 0 < self.margin < 0.5:
            raise EvalError(f"margin is {self.margin}: give a number above 0 and below 0.5")
        if not 0.5 <= self.level < 1:
            raise EvalError(f"level is {self.level}: give a number from 0.5 to below 1, such as 0.95")
        if self.resamples < 0 or self.seed < 0:
            raise EvalError("resamples and seed are numbers from 0 on")
