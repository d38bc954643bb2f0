"""Gate 2: the training went as it should, as its run wrote down in `health.json`."""

import math
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from repartee_tune.errors import TuneError
from repartee_tune.gates.policy import HealthPolicy
from repartee_tune.gates.result import GateResult

GATE = "health"


class _Check(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    name: str
    value: float | None
    limit: float | None
    passed: bool


class _Health(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    checks: list[_Check]
    passed: bool = True


def check_health(path: Path | None, policy: HealthPolicy) -> GateResult:
    """Pass where every check passed and every required one is there.

    Raises TuneError for a file of another form.
    """
    if path is None or not path.is_file():
        return GateResult(
            GATE, "inconclusive", "no health.json of this training: give the run's folder, or --health"
        )
    content = path.read_bytes()
    try:
        read = _Health.model_validate_json(content)
    except ValidationError as error:
        raise TuneError(f"{path} is no health.json: {error.errors()[0]['msg']}") from None
    checks, overall = read.checks, read.passed
    failed = [check for check in checks if not _holds(check)]
    missing = [name for name in policy.required if name not in {check.name for check in checks}]
    numbers = {check.name: {"value": check.value, "limit": check.limit} for check in checks}
    inputs = {path.name: sha256(content).hexdigest()}
    if not failed and not overall:
        return GateResult(GATE, "fail", f"{path.name} itself says that it did not pass", len(checks))
    if failed:
        worst = failed[0]
        reason = f"{worst.name} is {worst.value}, limit {worst.limit}"
        return GateResult(GATE, "fail", reason, len(checks), numbers=numbers, inputs=inputs)
    if missing:
        reason = f"{', '.join(missing)} was not checked"
        return GateResult(GATE, "inconclusive", reason, len(checks), numbers=numbers, inputs=inputs)
    return GateResult(
        GATE,
        "pass",
        f"{len(checks)} of {len(checks)} checks passed",
        len(checks),
        numbers=numbers,
        inputs=inputs,
    )


def _holds(check: _Check) -> bool:
    """A check that passed has measured something: a number, within a limit that is one."""
    return (
        check.passed
        and check.value is not None
        and math.isfinite(check.value)
        and math.isfinite(check.limit or 0.0)
    )
