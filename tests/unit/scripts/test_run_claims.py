"""The runner of the campaigns, and the check of what the pages promise."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts import check_claims, run_claims
from scripts.run_claims import BEGIN, CAMPAIGNS, END, Campaign, last_line, main, page_with, summary, table


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the lines that campaigns print, one command after another; the last one is repeated."""
    lines = ['{"claim": "x", "n": 300, "failures": 0, "seed": 1, "seconds": 2.0}']

    def run(command: list[str], **_: object) -> SimpleNamespace:
        line = lines.pop(0) if len(lines) > 1 else lines[0]
        failed = '"failures": 0' not in line
        return SimpleNamespace(stdout=f"a log line\n{line}\n", stderr="it broke", returncode=int(failed))

    monkeypatch.setattr(run_claims.subprocess, "run", run)
    monkeypatch.setattr(run_claims, "digest_of_code", lambda: "c0de")
    return lines


def _run(out: Path, *more: str) -> int:
    return main(["--only", "disconnects", "--out", str(out), *more])


def test_a_campaign_is_written_down_with_its_command_and_its_bound(printed, tmp_path: Path, capsys) -> None:
    assert _run(tmp_path / "claims.json", "--seed", "3", "--scale", "0.5") == 0
    [line] = json.loads((tmp_path / "claims.json").read_text())["claims"]
    assert line["upper_bound_95"] == 0.01
    assert line["command"].endswith("-m scripts.claims.disconnects --cases 50 --seed 3")
    assert "| `disconnects` | 300 | 0 | 0.01 | 1 | 2.0 |" in capsys.readouterr().out


def test_what_is_known_is_skipped_until_seed_scale_or_code_differ(
    printed, tmp_path: Path, monkeypatch
) -> None:
    runs = []
    run = run_claims.ran
    monkeypatch.setattr(run_claims, "ran", lambda *args: runs.append(args) or run(*args))
    out = tmp_path / "claims.json"
    for more in ([], [], ["--seed", "2"], ["--seed", "2"], ["--seed", "2", "--scale", "0.1"], ["--again"]):
        _run(out, *more)
    assert len(runs) == 4
    monkeypatch.setattr(run_claims, "digest_of_code", lambda: "other")
    _run(out)
    assert len(runs) == 5


@pytest.mark.parametrize("line", ['{"n": 5, "failures": 2}', "Traceback"])
def test_a_broken_claim_and_a_command_that_says_nothing_are_failures(
    line: str, printed, tmp_path: Path, capsys
) -> None:
    printed[:] = [line]
    assert _run(tmp_path / "claims.json") == 1
    assert "broken: disconnects" in capsys.readouterr().err


def test_a_scale_above_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--scale", "2"])
    assert "--scale" in capsys.readouterr().err


def test_failures_are_also_read_from_a_campaigns_own_counts() -> None:
    campaign = Campaign("killed_runs", "m", "--kills", 1, failure_fields=("lost", "named"))
    found = {"kills": 9, "lost": 1, "won": 5, "named": ["a", "b"]}
    assert summary(campaign, found, 0, 1)["failures"] == 3
    assert summary(campaign, found | {"lost": 0, "named": []}, 1, 1)["failures"] == 1
    assert last_line("nothing") == {}
    assert last_line('{"n": 1}\n{broken\n') == {"n": 1}


def test_a_page_gets_its_table_and_keeps_the_rest() -> None:
    line = {"claim": "x", "n": 1_000, "failures": 0, "upper_bound_95": 0.003, "seed": 1, "seconds": 2.5}
    page = page_with(f"before\n{BEGIN}\nold\n{END}\nafter", [line])
    assert page.startswith(f"before\n{BEGIN}\n\n| campaign")
    assert page.endswith(f"| `x` | 1,000 | 0 | 0.003 | 1 | 2.5 |\n\n{END}\nafter")
    with pytest.raises(ValueError, match="has no"):
        page_with("nothing", [line])


# --- the check ----------------------------------------------------------------------------------------


def test_what_the_pages_name_is_there() -> None:
    assert check_claims.all_problems() == []


@pytest.mark.parametrize(
    "named",
    [
        "`tests/unit/scripts/test_run_claims.py::test_nobody`",
        "`tests/unit/nothing.py`",
        "`make nothing`",
        "```sh\n.venv/bin/python -m scripts.claims.nothing --cases 3\n```",
        "```sh\nmake nothing\n```",
    ],
)
def test_what_a_page_names_and_is_not_there_is_found(named: str) -> None:
    assert len(list(check_claims.problems_of("page", f"It says {named}."))) == 1 or named.startswith("```")
    assert list(check_claims.problems_of("page", f"It says:\n\n{named}\n"))


def test_figures_that_nobody_measured_are_found() -> None:
    names = " ".join(f"`{campaign.name}`" for campaign in CAMPAIGNS)
    line = {"claim": "x", "n": 9, "failures": 0, "upper_bound_95": 0.1, "seed": 1, "seconds": 2.5}
    page = f"{names}\n{BEGIN}\n\n{table([line])}\n\n{END}\n"
    assert any("figures" in problem for problem in check_claims.problems_of_figures(page))
    silent = check_claims.problems_of_figures(page.replace("`isolation`", ""))
    assert any("isolation" in problem for problem in silent)
