"""Who is answered by which arm: a hash of the user id decides, so that no replica needs to ask another.

Every arm draws a number for the user, from the experiment's name, the arm's and the user's id, and the arm
with the greatest `share / -ln(number)` answers: weighted rendezvous hashing (Schindelhauer and Schomaker,
"Weighted distributed hash tables", 2005). An arm is chosen with a probability of exactly its share, two
experiments with different names are independent, and an arm whose share grows keeps the users that it had.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from repartee.domain.chance import chance

DEFAULT_ARM: Final = "default"
_HALF_A_STEP: Final = 2.0**-54


@dataclass(frozen=True, slots=True)
class ArmShare:
    """An arm and the percent of users that it answers, 0 to 100."""

    name: str
    share: float


@dataclass(frozen=True, slots=True)
class Experiment:
    """Arms under one name. Another name draws all users anew.

    `default` is the arm of those who cannot be drawn: requests without a user id. Raises ValueError where the
    shares do not make 100 percent, a name is there twice, or the default is no arm.
    """

    name: str
    arms: Sequence[ArmShare]
    default: str

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError("two arms have the same name")
        if self.default not in names:
            raise ValueError(f"default: {self.default} is none of the arms {', '.join(names)}")
        if any(not 0 <= arm.share <= 100 for arm in self.arms):
            raise ValueError("every share must be from 0 to 100")
        total = math.fsum(arm.share for arm in self.arms)
        if not math.isclose(total, 100.0, abs_tol=1e-6):
            raise ValueError(f"the shares make {total:g} percent: they must make 100")

    def arm_of(self, user_id: str | None) -> str:
        """Return the user's arm: the same one every time, in every process."""
        if user_id is None:
            return self.default
        return max(self.arms, key=lambda arm: self._weight(arm, user_id)).name

    def _weight(self, arm: ArmShare, user_id: str) -> float:
        drawn = chance(self.name, arm.name, user_id) + _HALF_A_STEP  # in (0, 1): a logarithm needs it open
        return -arm.share / math.log(drawn)
