"""What one gate found, and what follows from all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Decision = Literal["pass", "fail", "inconclusive", "skipped"]
Outcome = Literal["passed", "failed", "breached", "inconclusive"]

EXIT_CODES: Final[dict[Outcome, int]] = {"passed": 0, "failed": 10, "breached": 20, "inconclusive": 30}


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate's decision with its numbers.

    `value` and `interval` are in the unit that `method` names, `n` counts what was looked at. `floor` marks a
    gate whose failure would hurt a user, not only the quality. `inputs` are SHA-256 sums of the files that
    were read, and `reason` is one sentence. There are no words of users here; `examples` are ids.
    """

    gate: str
    decision: Decision
    reason: str
    n: int = 0
    value: float | None = None
    interval: tuple[float | None, float | None] | None = None
    limit: str = ""
    method: str = ""
    floor: bool = False
    numbers: Mapping[str, Any] = field(default_factory=dict)
    examples: Sequence[str] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)


def outcome(results: Sequence[GateResult], required: Sequence[str]) -> Outcome:
    """Return what follows: a failed floor breaches, a failed gate fails, and only all required gates together
    pass.

    A gate that was not reached, or was skipped though it is required, leaves the outcome open.
    """
    failed = [result for result in results if result.decision == "fail"]
    if any(result.floor for result in failed):
        return "breached"
    if failed:
        return "failed"
    decisions = {result.gate: result.decision for result in results}
    if any(decision == "inconclusive" for decision in decisions.values()):
        return "inconclusive"
    return "passed" if all(decisions.get(gate) == "pass" for gate in required) else "inconclusive"
