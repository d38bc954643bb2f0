"""The commands, from a run's folder to a champion and back."""

import csv
import json
from dataclasses import asdict
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from shutil import rmtree

import pytest
from click.testing import CliRunner, Result

from repartee_tune.cli.gate import gate
from repartee_tune.cli.one_line_errors import OneLineErrors
from repartee_tune.cli.registry import registry
from repartee_tune.lineage import user_hash
from repartee_tune.registry.origin import dataset_id
from tests.unit.repartee_tune.gates.simulated import scores, verdicts
from tests.unit.repartee_tune.gates.test_files import _health
from tests.unit.repartee_tune.registry.models import model

cli = OneLineErrors(commands={"registry": registry, "gate": gate})
POLICY = """
version: 1
gates: [integrity, health, golden, pairwise, length]
pairwise: {rule: {criteria: [overall]}}
"""


def run(*arguments: object, status: int = 0) -> Result:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    if status in {1, 2}:
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1
    return result


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("policy.yaml").write_text(POLICY)
    return tmp_path


def finished_run(name: str, number: float) -> Path:
    folder = Path("var/runs") / name
    model(folder / "model", number)
    _health(folder)
    dataset = Path("var/datasets/d1/manifest.json")
    dataset.parent.mkdir(parents=True, exist_ok=True)
    dataset.write_text(json.dumps({"users": [user_hash("maya")]}))
    inputs = {
        "dataset": {"manifest.json": sha256(dataset.read_bytes()).hexdigest()},
        "base": {"model.safetensors": "0" * 64},
    }
    (folder / "status.json").write_text(json.dumps({"state": "finished"}))
    (folder / "manifest.json").write_text(json.dumps({"inputs": inputs, "parameters": {"recipe": {"lr": 1}}}))
    return folder


def known_dataset() -> str:
    return dataset_id(Path("var/datasets/d1/manifest.json"))


def comparison(rate: float) -> tuple[object, ...]:
    rows = [asdict(row) for row in verdicts(rate, 1)]
    with Path("verdicts.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    lines = [score.model_dump_json() for score in scores(0.0, 1)]
    Path("scores.jsonl").write_text("\n".join(lines))
    names = ("--candidate-name", "candidate", "--champion-name", "champion")
    return (
        "--policy",
        "policy.yaml",
        "--golden-scores",
        "scores.jsonl",
        "--verdicts",
        "verdicts.csv",
        *names,
    )


def test_from_a_run_to_a_champion_and_back() -> None:
    first = run("registry", "register", finished_run("one", 1)).stdout.strip()
    assert run("gate", first, "--policy", "policy.yaml").stdout.endswith("report.json\n")
    run("registry", "promote", first, "--expect", "none")
    second = run("registry", "register", finished_run("two", 2)).stdout.strip()
    assert "no gate report" in run("registry", "promote", second, status=1).stderr
    run("gate", second, *comparison(0.3), status=10)
    assert "did not pass" in run("registry", "promote", second, status=1).stderr
    run("gate", second, *comparison(0.65))
    assert run("registry", "promote", second).stdout == f"generator champion: {first} -> {second}\n"
    shown = json.loads(run("registry", "show", "generator/champion", "--verify", "--json").stdout)
    assert (shown["version"], shown["problems"], shown["origin"]["parent"]) == (second, [], first)
    assert (shown["origin"]["datasets"], shown["origin"]["run"]) == ([known_dataset()], "two")
    lineage = run("registry", "lineage", "--user-id", "maya").stdout
    assert "maya" not in lineage
    assert f"rebuild generator {second} (data {known_dataset()}; is champion now)" in lineage
    run("registry", "rollback", "--reason", "it rambles")
    listed = json.loads(run("registry", "list", "--json").stdout)
    assert {row["version"]: row["aliases"] for row in listed} == {first: "champion", second: ""}
    assert run("registry", "gc", "--dry-run").stdout == "0 versions, 0 leftover folders\n"


def test_a_run_gated_before_it_is_registered_is_the_same_model() -> None:
    folder = finished_run("one", 1)
    run("gate", folder, "--policy", "policy.yaml")
    version = run("registry", "register", folder).stdout.strip()
    run("registry", "promote", version)


def test_too_little_to_look_at_is_inconclusive() -> None:
    run(
        "gate",
        finished_run("one", 1),
        "--policy",
        "policy.yaml",
        "--champion",
        finished_run("two", 2),
        status=30,
    )


def test_mistakes_are_one_line() -> None:
    version = run("registry", "register", finished_run("one", 1)).stdout.strip()
    assert "--reason" in run("registry", "promote", version, "--force", status=2).stderr
    assert "no version" in run("gate", "nothing", "--policy", "policy.yaml", status=1).stderr
    assert "does not exist" in run("gate", version, "--policy", "absent.yaml", status=1).stderr
    unfinished = finished_run("two", 2)
    (unfinished / "status.json").write_text(json.dumps({"state": "interrupted"}))
    assert "not finished" in run("registry", "register", unfinished, status=1).stderr
    path = run("registry", "register", model(Path("plain"), 3), "--base", "/home/me/base", status=1)
    assert "leads nowhere" in path.stderr


def test_verification_of_a_damaged_version_fails() -> None:
    version = run("registry", "register", finished_run("one", 1)).stdout.strip()
    (Path("var/registry/generator/versions") / version / "config.json").write_text("{}")
    assert "not whole" in run("registry", "show", version, "--verify", status=1).stderr


def test_a_report_lands_in_the_gates_folder_whatever_the_model_is_called() -> None:
    run("gate", finished_run("one", 1), "--policy", "policy.yaml", "--candidate-name", "../../org/model")
    assert [path.as_posix() for path in Path().rglob("report.json")] == ["var/gates/one/report.json"]


def test_a_report_of_before_is_no_word_on_a_gate_that_was_broken_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = run("registry", "register", finished_run("one", 1)).stdout.strip()
    run("gate", version, "--policy", "policy.yaml")

    def killed(*_: object) -> None:
        raise OSError("the process ends here")

    monkeypatch.setattr(import_module("repartee_tune.cli.gate"), "write_gate", killed)
    run("gate", version, "--policy", "policy.yaml", status=1)
    assert "no gate report" in run("registry", "promote", version, status=1).stderr


def test_health_of_another_training_under_the_same_name_is_not_taken() -> None:
    version = run("registry", "register", finished_run("one", 1)).stdout.strip()
    rmtree("var/runs/one")
    finished_run("one", 2)
    run("gate", version, "--policy", "policy.yaml", status=30)


def test_a_version_without_data_is_told_to_be_untraceable() -> None:
    told = run("registry", "register", model(Path("plain"), 3)).stderr
    assert "a user who withdraws cannot be traced" in told
    assert run("registry", "register", finished_run("one", 1)).stderr == ""


def test_a_merged_model_is_registered_with_the_run_behind_it() -> None:
    behind = finished_run("one", 1)
    merged = run("registry", "register", model(Path("merged"), 5), "--run", behind).stdout.strip()
    assert f"rebuild generator {merged}" in run("registry", "lineage", "--user-id", "maya").stdout
