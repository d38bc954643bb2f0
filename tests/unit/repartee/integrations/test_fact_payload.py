from dataclasses import dataclass, field
from typing import Any

import pytest

from repartee.domain.fact import TenantScope
from repartee.integrations.fact_payload import FactReader
from tests.fakes import FakeTelemetry

ANN = TenantScope("ann")


@dataclass
class _Point:
    score: float
    id: str = "0f5a2e0c-54a8-5c0e-9b0f-3f1f6a0f2b11"
    payload: dict[str, Any] = field(
        default_factory=lambda: {
            "user_id": "ann",
            "owner": "user",
            "text": "likes tea",
            "created_at": "2026-01-01T00:00:00+00:00",
            "source": "",
        }
    )


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")])
def test_a_score_that_is_no_number_is_no_score(score: float) -> None:
    telemetry = FakeTelemetry()
    assert FactReader(telemetry).retrieved(ANN, [_Point(score)]) == []
    assert telemetry.left_out == ["unreadable_fact"]


def test_rounding_above_one_is_one() -> None:
    [fact] = FactReader(FakeTelemetry()).retrieved(ANN, [_Point(1.0000001)])
    assert fact.score == 1.0
