from dataclasses import replace
from typing import Any

import pytest

from repartee_tune.health import TrainingFacts, TrainingHealth, training_health

FACTS = TrainingFacts("dpo", 10, 10, mean_reply_tokens=20.0, stop_token_trained=True, beta=0.1)


def _log(**last: float) -> list[dict[str, Any]]:
    start = {"eval_loss": 0.69, "eval_rewards/margins": 0.0, "eval_rewards/chosen": 0.0, "step": 0}
    end = {"eval_loss": 0.5, "eval_rewards/margins": 0.8, "eval_rewards/chosen": -0.1, "step": 10}
    return [start, {"loss": 0.6, "grad_norm": 1.0, "step": 5}, {**end, **last}]


def _judge(log: list[dict[str, Any]], facts: TrainingFacts = FACTS) -> TrainingHealth:
    return training_health(log, facts, chosen_drop=0.15, minimum_margin=0.0)


def _failed(health: TrainingHealth) -> list[str]:
    return [check.name for check in health.checks if not check.passed]


def test_a_good_run_is_healthy_and_survives_a_round_trip() -> None:
    health = _judge(_log())
    assert health.passed
    drop = next(check.value for check in health.checks if check.name == "chosen_drop")
    assert drop == pytest.approx(0.1 / 0.1 / 20)
    assert TrainingHealth.from_dict(health.as_dict()) == health


@pytest.mark.parametrize(
    ("last", "failed"),
    [
        ({"eval_rewards/chosen": -0.4}, ["chosen_drop"]),
        ({"eval_rewards/margins": -0.1}, ["eval_margin"]),
        ({"eval_loss": float("nan")}, ["not_finite", "eval_loss_change"]),
        ({"eval_loss": 0.7}, ["eval_loss_change"]),
    ],
)
def test_what_went_wrong_is_named(last: dict[str, float], failed: list[str]) -> None:
    assert _failed(_judge(_log(**last))) == failed


def test_an_unfinished_run_is_not_healthy() -> None:
    assert _failed(_judge(_log(), replace(FACTS, global_step=9))) == ["steps_done"]


def test_a_model_that_cannot_stop_is_not_healthy() -> None:
    assert _failed(_judge(_log(), replace(FACTS, stop_token_trained=False))) == ["stop_token_trained"]


def test_a_run_without_metrics_is_not_healthy() -> None:
    assert _failed(_judge([])) == ["not_finite", "eval_loss_change", "eval_margin", "chosen_drop"]
