"""The gate has both models judged itself: real sockets, the real run, a judge of known merit."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from repartee_eval.run_result import read_result
from repartee_eval.runs.folder import read_run
from repartee_tune.cli.gate import gate
from repartee_tune.cli.one_line_errors import OneLineErrors
from tests.loopback.judge import MARK_OF_HARM, JudgeServer, Opinion, judge_server
from tests.unit.repartee_eval.made_dialogues import written
from tests.unit.repartee_tune.registry.models import model

cli = OneLineErrors(commands={"gate": gate})
PASSED, FAILED, BREACHED, INCONCLUSIVE, STOPPED = 0, 10, 20, 30, 130
PAIRS = 48
POLICY = """
version: 1
gates: [integrity, pairwise, length]
pairwise: {rule: {minimum_items: 40, minimum_clusters: 20}}
length: {least: 40}
"""
CHEAP = ("--joint", "--no-floors", "--probes", "0")


def asked(body: dict[str, Any]) -> str:
    """Return what the user said last."""
    said: list[str] = [one["content"] for one in body["messages"] if one["role"] == "user"]
    return said[-1]


def marked_reply(body: dict[str, Any]) -> str:
    """Answer as the model that was asked for; the judge knows `beta` by its mark."""
    return f"{body['model']} answers: {asked(body)}"


@pytest.fixture(scope="module")
def _server() -> Iterator[JudgeServer]:
    with judge_server() as server:
        yield server


@pytest.fixture
def server(_server: JudgeServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> JudgeServer:
    monkeypatch.chdir(tmp_path)
    _server.opinion, _server.reply_to, _server.status, _server.delay = Opinion(), marked_reply, 200, 0.0
    _server.on_call = None
    _server.calls.clear()
    Path("policy.yaml").write_text(POLICY)
    model(Path("old"), 1)
    model(Path("new"), 2)
    written(Path("talks.jsonl"), "a", PAIRS)
    return _server


def arguments(server: JudgeServer, *extra: object, judge: bool = True) -> list[str]:
    judged = ("--judge", f"{server.url}#sim", *CHEAP) if judge else ()
    served = ("--candidate-url", server.url, "--candidate-model", "beta", "--champion-model", "alfa")
    named = ("gate", "new", "--champion", "old", "--policy", "policy.yaml", "--dialogues", "talks.jsonl")
    return [str(one) for one in (*named, *served, *judged, *extra)]


def run(server: JudgeServer, *extra: object, judge: bool = True) -> Result:
    result = CliRunner().invoke(cli, arguments(server, *extra, judge=judge))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def found(name: str = "pairwise") -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(f"var/gates/new/{name}.json").read_text())
    return content


def test_a_better_candidate_passes(server: JudgeServer) -> None:
    server.opinion = Opinion(prefers_b=0.9)
    result = run(server)
    assert result.exit_code == PASSED, result.output
    gate_found = found()
    assert (gate_found["decision"], gate_found["n"]) == ("pass", PAIRS)
    assert gate_found["numbers"]["in_both_orders"] == 1.0
    assert server.calls == {"reply": 2 * PAIRS, "verdict": 2 * PAIRS}
    judged = read_result(next(Path("var/gates/new").glob("pairwise-*")))
    assert (judged.decision.outcome, judged.manifest.models) == ("ship", ("old", "new"))


def test_a_worse_candidate_fails(server: JudgeServer) -> None:
    server.opinion = Opinion(prefers_b=0.1)
    result = run(server)
    assert result.exit_code == FAILED
    assert "worse on" in found()["reason"]


@pytest.mark.parametrize("mind", [Opinion(seed=3), Opinion(position=0.9), Opinion(ties=1.0)])
def test_an_indifferent_judge_passes_nobody(server: JudgeServer, mind: Opinion) -> None:
    server.opinion = mind
    assert run(server).exit_code in {FAILED, INCONCLUSIVE}
    assert found()["decision"] != "pass"


def test_one_harmful_reply_breaches_a_floor_though_the_candidate_wins(server: JudgeServer) -> None:
    server.opinion = Opinion(prefers_b=0.9)

    def harmful(body: dict[str, Any]) -> str:
        says = marked_reply(body)
        return f"{says} {MARK_OF_HARM}" if "7 0?" in says and body["model"] == "beta" else says

    server.reply_to = harmful
    with_floors = [one for one in arguments(server) if one != "--no-floors"]
    result = CliRunner().invoke(cli, with_floors)
    assert result.exit_code == BREACHED, result.output
    assert "real_life_meeting" in found()["reason"]


def test_without_a_judge_nothing_is_decided_and_nobody_is_asked(server: JudgeServer) -> None:
    assert run(server, judge=False).exit_code == INCONCLUSIVE
    assert "no judge" in found()["reason"]
    assert not server.calls


def test_the_judge_of_the_settings_is_used(server: JudgeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPARTEE_JUDGE__BASE_URL", server.url)
    monkeypatch.setenv("REPARTEE_JUDGE__MODEL", "configured")
    server.opinion = Opinion(prefers_b=0.9)
    assert run(server, *CHEAP, judge=False).exit_code == PASSED
    assert found()["numbers"]["judges"] == ["configured@joint"]


def test_a_spent_budget_is_inconclusive_and_a_higher_one_goes_on(server: JudgeServer) -> None:
    server.opinion = Opinion(prefers_b=0.9)
    assert run(server, "--most-calls", 60).exit_code == INCONCLUSIVE
    assert "budget" in found()["reason"]
    assert run(server, "--most-calls", 2 * PAIRS + 20).exit_code == INCONCLUSIVE
    assert run(server).exit_code == PASSED
    assert server.calls == {"reply": 2 * PAIRS, "verdict": 2 * PAIRS}


def test_money_without_a_price_is_refused_in_one_line(server: JudgeServer) -> None:
    result = run(server, "--budget", 1)
    assert result.exit_code == 1
    assert "price" in result.stderr.splitlines()[-1]
    Path("prices.yaml").write_text(
        "\n".join(f"{name}: {{prompt: 0, completion: 0}}" for name in ("sim", "alfa", "beta"))
    )
    server.opinion = Opinion(prefers_b=0.9)
    assert run(server, "--budget", 1, "--prices", "prices.yaml").exit_code == PASSED


def test_a_model_that_often_gives_no_reply_decides_nothing(server: JudgeServer) -> None:
    server.opinion = Opinion(prefers_b=0.95)
    server.reply_to = lambda body: (
        "" if body["model"] == "beta" and asked(body).endswith("5 0?") else marked_reply(body)
    )
    assert run(server).exit_code == INCONCLUSIVE
    assert found()["numbers"]["unanswered"] == 5


def test_servers_that_are_down_decide_nothing(server: JudgeServer) -> None:
    server.status = 401
    assert run(server).exit_code == INCONCLUSIVE
    assert "no dialogue was answered by both models (misconfigured" in found()["reason"]
    assert sum(server.calls.values()) < PAIRS


def test_another_champion_is_another_run(server: JudgeServer) -> None:
    server.opinion = Opinion(prefers_b=0.9)
    run(server)
    model(Path("older"), 3)
    assert run(server, "--champion", "older").exit_code == PASSED
    assert len(list(Path("var/gates/new").glob("pairwise-*"))) == 2


def test_a_changed_candidate_is_asked_anew(server: JudgeServer) -> None:
    server.opinion = Opinion(prefers_b=0.9)
    run(server)
    (Path("new") / "config.json").write_text('{"hidden_size": 3, "new": 1}')
    assert run(server).exit_code == PASSED
    assert server.calls["reply"] == 4 * PAIRS


def test_verdicts_and_dialogues_exclude_each_other(server: JudgeServer) -> None:
    Path("v.csv").write_text("item,model_a,model_b,verdict\n")
    assert run(server, "--verdicts", "v.csv").exit_code == 2


def _started(server: JudgeServer, *extra: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "repartee_tune", *arguments(server, *extra)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize(("blow", "status"), [(signal.SIGKILL, -9), (signal.SIGINT, STOPPED)])
def test_a_gate_that_was_broken_off_goes_on(server: JudgeServer, blow: signal.Signals, status: int) -> None:
    server.opinion, server.delay = Opinion(prefers_b=0.9), 0.02
    started: list[subprocess.Popen[bytes]] = []
    server.on_call = lambda calls: started[0].send_signal(blow) if calls == 2 * PAIRS + 20 else None
    started.append(_started(server, "--in-flight", "2"))
    assert started[0].wait(60) == status
    server.delay, server.on_call = 0.0, None
    folder = next(Path("var/gates/new").glob("pairwise-*"))
    with read_run(folder) as (_, store):
        kept = sum(1 for _ in store.answers())
    assert 2 * PAIRS < kept < 4 * PAIRS
    assert not Path("var/gates/new/report.json").exists()
    assert run(server, "--in-flight", "2").exit_code == PASSED
    assert server.calls["reply"] == 2 * PAIRS
    assert server.calls["verdict"] <= 2 * PAIRS + 2
