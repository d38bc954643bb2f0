"""Simulated judges, scores and responders: models whose quality is known."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from repartee_eval.verdict_rows import VerdictRow
from repartee_tune.gates.golden import PairedScore
from repartee_tune.gates.policy import PairwisePolicy
from repartee_tune.gates.responder import Message, Reply, ResponderError

Side = Literal["a", "b"]
_SIDES: tuple[Side, Side] = ("a", "b")


class FakeResponder:
    """Answers with what a function of the last message returns; None is a server that fails."""

    def __init__(self, answer: Callable[[str], Reply | None]) -> None:
        self._answer = answer
        self.calls = 0

    async def reply(self, messages: Sequence[Message]) -> Reply:
        self.calls += 1
        reply = self._answer(messages[-1]["content"])
        if reply is None:
            raise ResponderError("the server is down")
        return reply


def polite(text: str) -> Reply:
    """Answer in the script that was asked in."""
    russian = any("а" <= letter <= "я" for letter in text.lower())
    return Reply("Да, я тебя слушаю." if russian else "Aye, I am listening.", "stop")


def pairwise_policy(floors: dict[str, float] | None = None, **rule: Any) -> PairwisePolicy:
    """Return the default policy over the one criterion that `verdicts` are about."""
    given = {"rule": {"criteria": ["overall"], **rule}, "floors": floors or {}}
    return PairwisePolicy.model_validate(given)


def verdicts(
    rate: float,
    seed: int,
    *,
    prompts: int = 400,
    clusters: int = 40,
    flips: float = 0.15,
    criterion: str = "overall",
) -> list[VerdictRow]:
    """Return both orders of a judge who prefers the candidate at this rate, differently per cluster."""
    draw = np.random.default_rng(seed)
    leaning = np.clip(rate + draw.normal(0, 0.05, clusters), 0, 1)
    rows = []
    for number in range(prompts):
        better: Side = "b" if draw.random() < leaning[number % clusters] else "a"
        flipped = draw.random() < flips
        for first in _SIDES:
            verdict = first if flipped else better
            rows.append(
                VerdictRow(
                    item=f"i{number}",
                    cluster=f"d{number % clusters}",
                    criterion=criterion,
                    model_a="champion",
                    model_b="candidate",
                    first=first,
                    verdict=verdict,
                    len_a=200,
                    len_b=200 + int(draw.normal(0, 40)),
                )
            )
    return rows


def scores(difference: float, seed: int, *, items: int = 200, clusters: int = 40) -> list[PairedScore]:
    """Return paired scores whose mean difference, candidate minus champion, is known."""
    draw = np.random.default_rng(seed)
    found = []
    for number in range(items):
        champion = draw.uniform(0.35, 0.65)
        candidate = champion + difference + draw.normal(0, 0.1)
        found.append(
            PairedScore(
                item=f"g{number}",
                cluster=f"d{number % clusters}",
                candidate=float(np.clip(candidate, 0, 1)),
                champion=float(champion),
                candidate_length=100,
                champion_length=100,
            )
        )
    return found
