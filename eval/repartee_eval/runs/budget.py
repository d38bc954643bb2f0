"""The most that a run may cost: reserved before a call is sent, settled when its cost is known."""

import asyncio
from dataclasses import dataclass

from repartee_eval.errors import EvalError
from repartee_eval.runs.records import Spending

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits for a whole run, all its sessions together. Money in US dollars; calls count every attempt."""

    money: float | None = None
    calls: int | None = None

    def __post_init__(self) -> None:
        if self.money is not None and not self.money >= 0:
            raise EvalError("the budget in money must be 0 or more dollars")
        if self.calls is not None and self.calls < 0:
            raise EvalError("the budget in calls must be 0 or more")


class Ledger:
    """What is spent and reserved; never more than the budget while no call costs more than its worst."""

    def __init__(self, budget: Budget, before: Spending) -> None:
        self.spent = before.money
        self.calls = before.calls
        self.exhausted = False
        self._budget = budget
        self._reserved = 0.0
        self._open = 0
        self._settled = asyncio.Event()

    async def reserve(self, endpoint: str, worst_cost: float | None) -> bool:
        """Set the worst cost of one attempt aside; False where the budget has no room, now or ever.

        What is reserved by others may come free: then this waits for them. Once there was no room, nobody
        gets any: cheaper calls are not preferred to dearer ones. Raises EvalError for an unknown price.
        """
        require_price(self._budget, endpoint, worst_cost)
        while not self.exhausted:
            if self._fits(worst_cost or 0.0):
                self._reserved += worst_cost or 0.0
                self._open += 1
                self.calls += 1
                return True
            if not self._open:
                self.exhausted = True
                self._settled.set()
                break
            self._settled.clear()
            await self._settled.wait()
        return False

    def settle(self, worst_cost: float | None, cost: float | None) -> None:
        """Replace a reservation by what the attempt cost; None: not known, so its worst."""
        self._open -= 1
        self._reserved = self._reserved - (worst_cost or 0.0) if self._open else 0.0
        self.spent += (worst_cost or 0.0) if cost is None else cost
        self._settled.set()

    def withdraw(self, worst_cost: float | None) -> None:
        """Give a reservation back: the attempt was not sent."""
        self.calls -= 1
        self.settle(worst_cost, 0.0)

    def _fits(self, worst_cost: float) -> bool:
        money, calls = self._budget.money, self._budget.calls
        if calls is not None and self.calls >= calls:
            return False
        return money is None or self.spent + self._reserved + worst_cost <= money + _ROUNDING


def require_price(budget: Budget, endpoint: str, worst_cost: float | None) -> None:
    """Raise EvalError where money is limited and nobody knows what a call costs."""
    if budget.money is not None and worst_cost is None:
        raise EvalError(
            f"the price of {endpoint} is not known, so a budget in money cannot be kept: "
            "give its price per million tokens, or limit the number of calls instead"
        )
