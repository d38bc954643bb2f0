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


def test_a_point_that_cannot_be_read_leaves_the_others() -> None:
    telemetry = FakeTelemetry()
    changes: list[dict[str, Any]] = [
        {"text": ""},
        {"text": 5},
        {"text": "\x00"},
        {"created_at": "2026-01-01"},
        {"owner": "nobody"},
    ]
    wrong = [
        _Point(0.9, f"id-{place}", {**_Point(0.0).payload, **change}) for place, change in enumerate(changes)
    ]
    found = FactReader(telemetry).retrieved(ANN, [*wrong, _Point(0.5)])
    assert [fact.text for fact in found] == ["likes tea"]
    assert telemetry.left_out == ["unreadable_fact"] * len(wrong)


def test_a_point_of_somebody_else_leaves_the_others() -> None:
    telemetry = FakeTelemetry()
    foreign = [
        _Point(0.9, "other", {**_Point(0.0).payload, "user_id": owner})
        for owner in ("Ann", "", None, ["ann"])
    ]
    found = FactReader(telemetry).retrieved(ANN, [*foreign, _Point(0.5), _Point(0.9, "none", {})])
    assert [fact.text for fact in found] == ["likes tea"]
    assert telemetry.left_out == ["foreign_fact"] * 5


def test_a_point_that_two_searches_found_is_one_fact() -> None:
    found = FactReader(FakeTelemetry()).retrieved(ANN, [_Point(0.5), _Point(0.4, "a"), _Point(0.5)])
    assert [fact.score for fact in found] == [0.5, 0.4]


def test_what_a_payload_says_of_id_and_score_is_not_believed() -> None:
    payload = {**_Point(0.0).payload, "id": "another", "score": 1.0, "unknown": "field"}
    [fact] = FactReader(FakeTelemetry()).retrieved(ANN, [_Point(0.5, payload=payload)])
    assert (fact.id, fact.score) == (_Point(0.5).id, 0.5)
