"""Short seeded runs of the campaigns, and the same runs with a protection off: those have to fail."""

import json
from pathlib import Path

import pytest

from scripts.claims import (
    bad_inputs,
    canary_requests,
    forged_turns,
    isolation,
    killed_writes,
    parser_noise,
    swapped_values,
)


def _result(campaign, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    status = campaign.main([*arguments, "--seed", "7"])
    return status, json.loads(capsys.readouterr().out.splitlines()[-1])


SHORT = [
    (forged_turns, ["--cases", "120"], ["--control"]),
    (parser_noise, ["--cases", "2000"], ["--control"]),
    (canary_requests, ["--requests", "96", "--users", "12"], ["--control", "both"]),
    (canary_requests, ["--requests", "96", "--users", "12"], ["--control", "filter"]),
    (isolation, ["--searches", "1500", "--users", "40"], ["--control"]),
    (swapped_values, ["--cases", "400"], ["--control"]),
]


@pytest.mark.parametrize(("campaign", "length", "control"), SHORT)
def test_a_claim_holds_and_without_its_protection_it_does_not(
    campaign, length: list[str], control: list[str], capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    for module in (canary_requests, forged_turns):
        monkeypatch.setattr(module, "configure_logging", lambda _: None)
    if campaign is isolation:
        monkeypatch.setattr(
            isolation.qdrant_edge_fact_store, "_visible", isolation.qdrant_edge_fact_store._visible
        )  # the control replaces it for good
    status, found = _result(campaign, capsys, *length)
    assert (status, found["failures"]) == (0, 0)
    status, found = _result(campaign, capsys, *length, *control)
    assert status == 1
    assert found["failures"] > 0


def test_bad_inputs_get_an_answer_of_ours_and_break_a_plain_service(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, found = _result(bad_inputs, capsys, "--rounds", "1")
    assert (status, found["examples"]) == (0, [])
    assert found["n"] > 100
    status, found = _result(bad_inputs, capsys, "--rounds", "1", "--control")
    assert status == 1
    assert found["statuses"]["500"] > 0


def test_kill_9_loses_no_acknowledged_write_and_a_lost_one_would_be_seen() -> None:
    assert killed_writes.run(2, 7, control=False)["failures"] == 0
    ledger = killed_writes.Ledger()
    lines = [
        "will put ann 1\n",
        "did put ann 1\n",
        "will put ann 2\n",
        "did put ann 2\n",
        "will delete ann 1\n",
    ]
    ledger.read([*lines, "did del"])
    assert ledger.problems({("ann", 2)}) == []
    ledger.read(lines)
    assert ledger.problems({("ann", 1)}) == ["1 acknowledged writes lost"]
    ledger.read(lines[:2])
    assert ledger.problems({("ann", 1), ("ann", 3)}) == ["1 facts that should not be there"]


def test_the_list_of_bad_inputs_is_the_same_for_the_same_seed() -> None:
    drawn = [list(bad_inputs.cases(bad_inputs.random.Random(seed))) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert Path(bad_inputs.__file__).exists()
