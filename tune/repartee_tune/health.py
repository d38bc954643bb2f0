"""Whether a training run went as it should, in numbers: what the gates read before they look at a reply."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class HealthCheck:
    """One number against its limit."""

    name: str
    value: float | None
    limit: float
    passed: bool
    meaning: str


@dataclass(frozen=True)
class TrainingFacts:
    """What is known of a run beside its metrics.

    `mean_reply_tokens` is of the evaluation rows' first reply; `beta` None where the loss has no reference
    model.
    """

    trainer: str
    global_step: int
    max_steps: int
    mean_reply_tokens: float
    stop_token_trained: bool
    beta: float | None


@dataclass(frozen=True)
class TrainingHealth:
    """All checks of a run."""

    checks: tuple[HealthCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """Return what goes to health.json."""
        return {"passed": self.passed, "checks": [asdict(check) for check in self.checks]}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "TrainingHealth":
        """Read health.json's content."""
        return cls(tuple(HealthCheck(**check) for check in content["checks"]))


def training_health(
    metrics: Sequence[Mapping[str, Any]], facts: TrainingFacts, *, chosen_drop: float, minimum_margin: float
) -> TrainingHealth:
    """Judge a run by its log, oldest line first.

    The drop of the chosen log-probability is -rewards/chosen / beta / tokens, in nats per reply token:
    TRL's reward is beta times the policy's log-probability of the reply less the reference's, summed over
    the reply.
    """
    checks = [_steps(facts), _finite(metrics), _stop(facts), _falls(metrics, "eval_loss")]
    if facts.trainer in {"dpo", "kto"}:
        checks += [
            _margin(metrics, "eval_rewards/margins", minimum_margin),
            _chosen_drop(metrics, facts, chosen_drop),
        ]
    if facts.trainer == "reward":
        checks.append(_margin(metrics, "eval_margin", minimum_margin))
    return TrainingHealth(tuple(checks))


def _steps(facts: TrainingFacts) -> HealthCheck:
    done = facts.global_step == facts.max_steps
    return HealthCheck("steps_done", facts.global_step, facts.max_steps, done, "every planned step was taken")


def _finite(metrics: Sequence[Mapping[str, Any]]) -> HealthCheck:
    values = [line[key] for line in metrics for key in ("loss", "grad_norm", "eval_loss") if key in line]
    bad = sum(not math.isfinite(value) for value in values)
    return HealthCheck(
        "not_finite", bad, 0, bool(values) and not bad, "losses and gradient norms are numbers"
    )


def _stop(facts: TrainingFacts) -> HealthCheck:
    value = float(facts.stop_token_trained)
    return HealthCheck(
        "stop_token_trained", value, 1, facts.stop_token_trained, "every reply ends with a stop token"
    )


def _falls(metrics: Sequence[Mapping[str, Any]], key: str) -> HealthCheck:
    values = _series(metrics, key)
    change = values[-1] - values[0] if len(values) > 1 else None
    passed = change is not None and change < 0
    return HealthCheck("eval_loss_change", change, 0, passed, "the loss on held-out rows fell")


def _margin(metrics: Sequence[Mapping[str, Any]], key: str, minimum: float) -> HealthCheck:
    values = _series(metrics, key)
    value = values[-1] if values else None
    passed = value is not None and value > minimum and value > values[0]
    return HealthCheck(
        "eval_margin", value, minimum, passed, "chosen is rewarded over rejected, and more than before"
    )


def _chosen_drop(metrics: Sequence[Mapping[str, Any]], facts: TrainingFacts, limit: float) -> HealthCheck:
    values = _series(metrics, "eval_rewards/chosen")
    drop = None
    if values and facts.beta and facts.mean_reply_tokens:
        drop = -values[-1] / facts.beta / facts.mean_reply_tokens
    passed = drop is not None and drop <= limit
    return HealthCheck(
        "chosen_drop", drop, limit, passed, "nats per token that chosen replies lost: no collapse"
    )


def _series(metrics: Sequence[Mapping[str, Any]], key: str) -> list[float]:
    return [line[key] for line in metrics if key in line]
