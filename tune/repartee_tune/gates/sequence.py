"""The gates in the policy's order, up to the first that fails; every result is written as soon as it is
there.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from repartee_eval.verdict_rows import VerdictRow
from repartee_tune.gates import canaries, golden, health, integrity, length, pairwise
from repartee_tune.gates.canaries import CanarySet
from repartee_tune.gates.golden import GoldenItem, PairedScore
from repartee_tune.gates.judging import Judging, NotJudged, judge_models
from repartee_tune.gates.length import PairedLength
from repartee_tune.gates.policy import GateName, Policy
from repartee_tune.gates.reply_job import Contestant
from repartee_tune.gates.responder import Responder
from repartee_tune.gates.result import GateResult

COMPARISONS: Final = frozenset({"golden", "pairwise", "length"})


@dataclass(frozen=True, slots=True)
class Subject:
    """A model under the gates. `version` is its id where it is registered, `name` what verdicts call it.

    `contestant` is the model as the gate's own evaluation run asks it, with `responder` in it.
    """

    folder: Path
    name: str
    version: str | None = None
    base: Path | None = None
    responder: Responder | None = None
    contestant: Contestant | None = None


@dataclass(frozen=True, slots=True)
class Materials:
    """What the gates look at beside the models. `sums` are SHA-256 of the files it was read from, by gate.

    Without `verdicts` the pairwise gate has `judging` make them; `unjudged` says why it cannot.
    """

    health: Path | None = None
    canaries: CanarySet | None = None
    golden_items: Sequence[GoldenItem] = ()
    golden_scores: Sequence[PairedScore] = ()
    verdicts: Sequence[VerdictRow] = ()
    judging: Judging | None = None
    unjudged: str = "no verdicts: give --dialogues and a judge, or --verdicts"
    sums: Mapping[str, dict[str, str]] = field(default_factory=dict)


class GateSequence:
    """One run of the gates.

    `champion` is None for a first version. Golden answers are kept for the length gate.
    """

    def __init__(
        self, policy: Policy, candidate: Subject, champion: Subject | None, materials: Materials
    ) -> None:
        self._policy = policy
        self._candidate = candidate
        self._champion = champion
        self._materials = materials
        self._scores: Sequence[PairedScore] = materials.golden_scores
        self._verdicts: Sequence[VerdictRow] = materials.verdicts
        self._gates: Mapping[GateName, Callable[[], Awaitable[GateResult]]] = {
            "integrity": self._integrity,
            "health": self._health,
            "canaries": self._canaries,
            "golden": self._golden,
            "pairwise": self._pairwise,
            "length": self._length,
        }

    async def run(
        self, report: Callable[[GateResult], None], *, everything: bool = False
    ) -> list[GateResult]:
        """Run the gates; stop after one that fails unless `everything` is asked for."""
        results: list[GateResult] = []
        for name in self._policy.gates:
            result = self._skipped(name) or await self._gates[name]()
            results.append(result)
            report(result)
            if result.decision == "fail" and (not everything or name == "integrity"):
                break
        return results

    def required(self) -> list[str]:
        """Return the gates that have to pass."""
        free = (
            COMPARISONS if self._champion is None and self._policy.without_champion == "skip" else frozenset()
        )
        return [name for name in self._policy.gates if name not in free]

    def _skipped(self, name: GateName) -> GateResult | None:
        if self._champion is not None or name not in COMPARISONS:
            return None
        return GateResult(name, "skipped", "there is no champion to compare with")

    async def _integrity(self) -> GateResult:
        one = self._candidate
        return integrity.check_integrity(one.folder, one.base, registered=one.version is not None)

    async def _health(self) -> GateResult:
        return health.check_health(self._materials.health, self._policy.health)

    async def _canaries(self) -> GateResult:
        if self._materials.canaries is None:
            return GateResult("canaries", "inconclusive", "no canary prompts were given", floor=True)
        sums = self._materials.sums.get("canaries", {})
        return await canaries.check_canaries(
            self._candidate.responder, self._materials.canaries, self._policy.canaries, sums
        )

    async def _golden(self) -> GateResult:
        without = 0
        ours = self._candidate.responder
        theirs = self._champion.responder if self._champion else None
        if not self._scores and self._materials.golden_items and ours and theirs:
            answered = await golden.answer_items(
                self._materials.golden_items, ours, theirs, self._policy.canaries
            )
            self._scores, without = answered.scores, answered.without_reply
        sums = self._materials.sums.get("golden", {})
        return golden.check_golden(self._scores, self._policy.golden, sums, without)

    async def _pairwise(self) -> GateResult:
        if self._champion is None:  # skipped before
            return GateResult("pairwise", "inconclusive", "there is no champion to compare with")
        sums = self._materials.sums.get("pairwise", {})
        rule = self._policy.pairwise
        if self._verdicts:
            names = (self._candidate.name, self._champion.name)
            return pairwise.check_pairwise(self._verdicts, *names, rule, sums, self._policy.seed)
        ours, theirs = self._candidate.contestant, self._champion.contestant
        if self._materials.judging is None:
            return GateResult("pairwise", "inconclusive", self._materials.unjudged, inputs=sums)
        if ours is None or theirs is None:
            return GateResult(
                "pairwise", "inconclusive", "nobody to ask: give --candidate-url or --local", inputs=sums
            )
        try:
            found = await judge_models(self._materials.judging, ours, theirs)
        except NotJudged as error:
            return GateResult("pairwise", "inconclusive", str(error), inputs=sums)
        self._verdicts = found.rows
        return pairwise.check_judged(found, rule, sums)

    async def _length(self) -> GateResult:
        sums = {**self._materials.sums.get("pairwise", {}), **self._materials.sums.get("golden", {})}
        return length.check_length(self._lengths(), self._policy.length, self._policy.seed, sums)

    def _lengths(self) -> list[PairedLength]:
        """Prefer the verdicts' replies: there are more of them, and they were judged."""
        if self._champion is None:
            return []
        rows = pairwise.oriented(self._verdicts, self._candidate.name, self._champion.name)
        return length.lengths_of_verdicts(rows) or length.lengths_of_scores(self._scores)
