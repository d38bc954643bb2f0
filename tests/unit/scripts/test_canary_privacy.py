"""A short run of the campaign, and the same search over a service that repeats what it was sent."""

import random
from types import SimpleNamespace

import pytest

from scripts.claims import canary_privacy
from scripts.claims.canary_privacy import CANARY, CASES, Campaign
from tests.processes import Answer


def test_no_key_no_fact_and_no_word_is_in_logs_errors_and_metrics() -> None:
    result = canary_privacy.run(cases=18, seed=11)
    assert (result["failures"], result["found"], result["log_lines"]) == (0, [], [])
    assert {int(status) // 100 for status in result["answers"]} >= {4, 5}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(422, {"detail": f"messages.0.role: {CANARY} is no role"}, {}),
        Answer(502, {"detail": "no"}, {"x-cause": f"sk-{CANARY}"}),
        Answer(200, f'event: delta\ndata: {{}}\n\nevent: error\ndata: {{"detail": "{CANARY}"}}\n\n', {}),
    ],
)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_service_that_repeats_it_is_caught(case, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary_privacy, "call", lambda *_, **__: answer)
    campaign = Campaign(SimpleNamespace(url=""), "", random.Random(1))
    case(campaign)
    assert campaign.found


def test_a_reply_may_hold_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary_privacy, "call", lambda *_, **__: Answer(200, {"text": CANARY}, {}))
    campaign = Campaign(SimpleNamespace(url=""), "", random.Random(1))
    CASES[0](campaign)
    assert campaign.found == []
