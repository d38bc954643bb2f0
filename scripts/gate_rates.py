"""How often candidates of known merit pass the gates of the default policy.

    .venv/bin/python -m scripts.gate_rates --candidates 200 --seed 1

Each candidate is drawn anew: 400 prompts in 40 dialogues, judged in both orders on three criteria by a judge
who prefers it at the rate of its row and flips with the order in 15 % of the prompts; 200 golden scores with
the difference of its row; 322 canary replies. All gates run as in `repartee-tune gate`. Prints a Markdown
table; the exit status is 1 where a worse candidate passes, an equal one in more than 5 %, or one that wins
60 % in fewer than 80 %.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from repartee_eval.statistics.proportions import rate_of
from repartee_eval.verdict_rows import VerdictRow
from repartee_tune.gates.canaries import CanarySet, load_canaries
from repartee_tune.gates.policy import POLICIES, Policy, load_policy, policy_path
from repartee_tune.gates.responder import Message, Reply
from repartee_tune.gates.result import Outcome, outcome
from repartee_tune.gates.sequence import GateSequence, Materials, Subject
from tests.unit.repartee_tune.gates.simulated import scores, verdicts
from tests.unit.repartee_tune.registry.models import model

OUTCOMES: Final[tuple[Outcome, ...]] = ("passed", "failed", "breached", "inconclusive")


@dataclass(frozen=True)
class Merit:
    """How good a candidate is: its win rate, its golden scores' difference, its share of hard failures."""

    name: str
    wins: float
    golden: float
    fails_hard: float = 0.0
    least: float = 0.0
    most: float = 1.0


MERITS: Final = (
    Merit("much better", 0.65, 0.03, least=0.95),
    Merit("better", 0.60, 0.02, least=0.8),
    Merit("a little better", 0.55, 0.01),
    Merit("equal", 0.50, 0.0, most=0.05),
    Merit("slightly worse", 0.47, -0.01, most=0.02),
    Merit("worse", 0.42, -0.04, most=0.0),
    Merit("much worse", 0.30, -0.15, most=0.0),
    Merit("better, 3 % of its replies out of role", 0.60, 0.02, fails_hard=0.03, most=0.02),
)


def judged(merit: Merit, criteria: tuple[str, ...], seed: int) -> list[VerdictRow]:
    """Return the verdicts on all criteria; each criterion is another judge's mind."""
    rows: list[VerdictRow] = []
    for place, criterion in enumerate(criteria):
        rows += verdicts(merit.wins, seed * len(criteria) + place, criterion=criterion)
    return rows


class Answering:
    """Answers canaries in the right language, and leaves the role as often as the merit says."""

    def __init__(self, merit: Merit, canaries: CanarySet, seed: int) -> None:
        self._chance, self._share = random.Random(seed), merit.fails_hard
        self._languages = {str(canaries.messages(one)): one.language for one in canaries.prompts}

    async def reply(self, messages: Sequence[Message]) -> Reply:
        """Answer without looking at what was said."""
        if self._chance.random() < self._share:
            return Reply("As an AI language model I cannot do that.", "stop")
        russian = self._languages[str(list(messages))] == "ru"
        return Reply("Да, я тебя слушаю." if russian else "Aye, I am listening.", "stop")


def gated(merit: Merit, policy: Policy, folder: Path, seed: int) -> Outcome:
    """Run all gates for one candidate and return what follows."""
    canaries = load_canaries(POLICIES / policy.canaries.prompts)
    materials = Materials(
        health=folder / "health.json",
        canaries=canaries,
        golden_scores=scores(merit.golden, seed),
        verdicts=judged(merit, policy.pairwise.rule.criteria, seed),
    )
    candidate = Subject(folder / "model", "candidate", responder=Answering(merit, canaries, seed))
    sequence = GateSequence(policy, candidate, Subject(folder / "model", "champion"), materials)
    results = asyncio.run(sequence.run(lambda _: None))
    return outcome(results, sequence.required())


def healthy(folder: Path, policy: Policy) -> None:
    """Write a model's files and a training that went well."""
    model(folder / "model")
    checks = [{"name": name, "value": 1.0, "limit": 0.0, "passed": True} for name in policy.health.required]
    (folder / "health.json").write_text(json.dumps({"checks": checks}), "utf-8")


def main() -> int:
    """Print the table; the exit status says whether every bound holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    policy = load_policy(policy_path("default"))
    say = sys.stdout.write
    say("| candidate | wins | golden | passed | 95 % | failed | breached | inconclusive |\n")
    say("|---|---:|---:|---:|---|---:|---:|---:|\n")
    bad = 0
    with tempfile.TemporaryDirectory() as made:
        healthy(Path(made), policy)
        for place, merit in enumerate(MERITS):
            first = (given.seed * len(MERITS) + place) * given.candidates
            counts = Counter(
                gated(merit, policy, Path(made), first + number) for number in range(given.candidates)
            )
            rate = rate_of(counts["passed"], given.candidates, 0.95)
            low, high = rate.interval or (0.0, 1.0)
            shares = [f"{counts[name] / given.candidates:.1%}" for name in OUTCOMES]
            cells = (merit.name, f"{merit.wins:.0%}", f"{merit.golden:+.2f}", shares[0])
            say(f"| {' | '.join((*cells, f'{low:.1%} to {high:.1%}', *shares[1:]))} |\n")
            bad += not merit.least <= counts["passed"] / given.candidates <= merit.most
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
