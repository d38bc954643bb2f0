import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repartee_tune.gates.canaries import Canary, CanarySet
from repartee_tune.gates.policy import CanaryPolicy, Policy
from repartee_tune.gates.responder import Reply
from repartee_tune.gates.result import EXIT_CODES, GateResult, outcome
from repartee_tune.gates.sequence import GateSequence, Materials, Subject
from tests.unit.repartee_tune.gates.simulated import FakeResponder, pairwise_policy, polite, scores, verdicts
from tests.unit.repartee_tune.gates.test_files import _health
from tests.unit.repartee_tune.registry.models import model

GATES = ["integrity", "health", "canaries", "golden", "pairwise", "length"]
PROMPTS = CanarySet(
    characters={"vera": "s"},
    prompts=[Canary(id=f"c{n}", category="x", character="vera", text=f"привет {n}") for n in range(300)],
)


def gated(
    tmp_path: Path, champion: bool = True, everything: bool = False, **changes: Any
) -> tuple[str, list[GateResult]]:
    policy = Policy(
        version=1,
        gates=GATES,
        canaries=CanaryPolicy(),
        pairwise=pairwise_policy(),
        without_champion=changes.pop("alone", "skip"),
    )
    folder = tmp_path / "m"
    candidate = Subject(
        folder if folder.exists() else model(folder), "candidate", responder=FakeResponder(polite)
    )
    candidate = replace(candidate, responder=changes.pop("responder", candidate.responder))
    materials = Materials(
        health=_health(tmp_path), canaries=PROMPTS, golden_scores=scores(0.02, 1), verdicts=verdicts(0.65, 1)
    )
    other = Subject(tmp_path, "champion") if champion else None
    sequence = GateSequence(policy, candidate, other, replace(materials, **changes))
    seen: list[GateResult] = []
    results = asyncio.run(sequence.run(seen.append, everything=everything))
    assert seen == results
    return outcome(results, sequence.required()), results


def test_a_better_model_passes_every_gate(tmp_path: Path) -> None:
    found, results = gated(tmp_path)
    assert [(result.gate, result.decision) for result in results] == [(name, "pass") for name in GATES]
    assert (found, EXIT_CODES[found]) == ("passed", 0)


def test_the_first_failure_stops_the_rest_unless_all_are_asked_for(tmp_path: Path) -> None:
    worse = {"golden_scores": scores(-0.2, 1)}
    found, results = gated(tmp_path, **worse)
    assert (found, results[-1].gate) == ("failed", "golden")
    found, results = gated(tmp_path, everything=True, **worse)
    assert (found, results[-1].gate) == ("failed", "length")


def test_a_breach_of_canaries_has_a_status_of_its_own(tmp_path: Path) -> None:
    silent = FakeResponder(lambda text: Reply("", "stop"))
    found, _ = gated(tmp_path, responder=silent)
    assert (found, EXIT_CODES[found]) == ("breached", 20)


@pytest.mark.parametrize(
    "missing",
    [{"health": None}, {"golden_scores": ()}, {"verdicts": ()}, {"responder": None}, {"canaries": None}],
)
def test_what_was_not_looked_at_does_not_pass(tmp_path: Path, missing: dict[str, Any]) -> None:
    found, _ = gated(tmp_path, **missing)
    assert (found, EXIT_CODES[found]) == ("inconclusive", 30)


def test_a_first_version_passes_without_comparison_only_where_the_policy_says_so(tmp_path: Path) -> None:
    found, results = gated(tmp_path, champion=False)
    assert (found, [result.decision for result in results[3:]]) == ("passed", ["skipped"] * 3)
    assert gated(tmp_path, champion=False, alone="hold")[0] == "inconclusive"


def test_broken_files_stop_everything(tmp_path: Path) -> None:
    (model(tmp_path / "m") / "x.pt").write_bytes(b"x")
    found, results = gated(tmp_path, everything=True)
    assert (found, len(results)) == ("breached", 1)
