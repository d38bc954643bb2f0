"""The command, over a folder of two users and an embedder that finds shared words."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from repartee.application.ports import Embedder
from repartee.domain.errors import ConfigurationError, UpstreamUnreachable
from repartee_eval import wiring
from repartee_eval.cli import cli
from tests.fakes import FakeEmbedder, FakeReranker
from tests.unit.repartee_eval.labelled import labelled, write


class Opened:
    """Stands where the service's settings would choose an embedder."""

    def __init__(self) -> None:
        self.embedder = FakeEmbedder()
        self.failure: Exception | None = None

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Embedder]:
        if self.failure:
            raise self.failure
        yield self.embedder


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    stand_in = Opened()
    monkeypatch.setattr(wiring, "open_embedder", stand_in)
    return stand_in


class OpenedReranking:
    """Stands where the service's settings would choose a reranker, 20 facts and no threshold."""

    def __init__(self) -> None:
        self.reranker = FakeReranker()
        self.failure: Exception | None = None

    @asynccontextmanager
    async def __call__(
        self, candidates: int | None, threshold: float | None
    ) -> AsyncIterator[wiring.Reranking]:
        if self.failure:
            raise self.failure
        yield wiring.Reranking(self.reranker, candidates or 20, threshold)


@pytest.fixture
def reranking(monkeypatch: pytest.MonkeyPatch) -> OpenedReranking:
    stand_in = OpenedReranking()
    monkeypatch.setattr(wiring, "open_reranking", stand_in)
    return stand_in


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path / "data", labelled("ann", "tune"), labelled("ben", "test"))


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(cli, ["retrieval", "--resamples", "100", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def failed(result: Result, status: int) -> str:
    """Return the one line that a failure has to be."""
    assert result.exit_code == status
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_tables_name_embedder_seed_and_threshold(opened: Opened, data: Path):
    result = run("--data", data, "--seed", "5")
    assert result.exit_code == 0
    assert result.stdout.startswith("# Retrieval: fake\n")
    assert "seed 5, 100 resamples" in result.stdout
    assert "above the embedder's own thresholds: latin 0.25" in result.stdout
    assert "tune: ann" in result.stdout
    assert "chosen on tune" not in result.stdout


def test_json_is_the_whole_of_standard_output(opened: Opened, data: Path):
    content = json.loads(run("--data", data, "--json", "--limit", "2", "--threshold", "0.1").stdout)
    assert (content["limit"], content["threshold"], content["own_thresholds"]) == (2, 0.1, {"latin": 0.25})
    assert [group["split"] for group in content["groups"]] == ["tune", "test", "all"]


def test_the_same_command_gives_the_same_numbers(opened: Opened, data: Path):
    assert run("--data", data, "--sweep").stdout == run("--data", data, "--sweep").stdout


def test_one_split_is_measured_alone_and_the_rest_is_not_embedded(opened: Opened, data: Path):
    content = json.loads(run("--data", data, "--json", "--split", "test").stdout)
    assert [(group["split"], group["users"]) for group in content["groups"]] == [("test", ["ben"])]


def test_sweep_reports_each_goal_on_both_splits(opened: Opened, data: Path):
    content = json.loads(
        run("--data", data, "--json", "--sweep", "--goal", "precision>=0.5", "--goal", "max-f1").stdout
    )
    assert [choice["goal"] for choice in content["sweep"]] == ["precision>=0.5", "max-f1"]
    assert all(choice["tune"]["split"] == "tune" for choice in content["sweep"])
    assert all(choice["test"]["users"] == ["ben"] for choice in content["sweep"])


def test_sweep_looks_for_the_best_f1_where_no_goal_is_given(opened: Opened, data: Path):
    content = json.loads(run("--data", data, "--json", "--sweep").stdout)
    assert [choice["goal"] for choice in content["sweep"]] == ["max-f1"]


def test_out_gets_three_files(opened: Opened, data: Path, tmp_path: Path):
    result = run("--data", data, "--out", tmp_path / "new" / "report")
    written = {path.name: path.read_text("utf-8") for path in (tmp_path / "new" / "report").iterdir()}
    assert set(written) == {"retrieval.json", "retrieval.md", "retrieval.html"}
    assert written["retrieval.md"] == result.stdout


def test_rerank_compares_both_orders(opened: Opened, reranking: OpenedReranking, data: Path):
    arguments = ("--data", data, "--rerank", "--candidates", "2", "--rerank-threshold", "-30")
    content = json.loads(run(*arguments, "--json").stdout)["reranking"]
    assert (content["reranker"], content["candidates"], content["threshold"]) == ("fake reranker", 2, -30)
    assert [row["split"] for row in content["rows"]] == ["tune", "test", "all"]
    assert {len(texts) for _, texts in reranking.reranker.calls} == {2}
    printed = run(*arguments).stdout
    assert "Reranker: fake reranker, the first 2 facts per message" in printed
    assert "relevance is above -30" in printed
    assert "| difference" in printed


def test_without_rerank_no_reranker_is_opened(opened: Opened, reranking: OpenedReranking, data: Path):
    reranking.failure = ConfigurationError("never asked for")
    content = json.loads(run("--data", data, "--json").stdout)
    assert content["reranking"] is None


# --- what the service reads ---------------------------------------------------------------------------


@pytest.fixture
def calibrations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(wiring, "calibration_folder", lambda: tmp_path / "calibration")
    return tmp_path / "calibration"


def test_write_keeps_the_first_goals_thresholds_and_says_where(
    opened: Opened, data: Path, calibrations: Path
):
    result = run(
        "--data", data, "--json", "--sweep", "--write", "--goal", "precision>=0.5", "--goal", "max-f1"
    )
    written = calibrations / f"{opened.embedder.profile.id}.json"
    content, report = json.loads(written.read_text("utf-8")), json.loads(result.stdout)
    assert content["goal"] == "precision>=0.5"
    assert content["thresholds"] == {"latin": report["sweep"][0]["threshold"]}
    assert content["data"] == report["data"]
    assert f"precision>=0.5: latin {content['thresholds']['latin']:g}, written to {written}" in result.stderr


def test_nothing_is_written_unless_asked_for(opened: Opened, data: Path, calibrations: Path):
    assert run("--data", data, "--sweep").exit_code == 0
    assert not calibrations.exists()


def test_a_script_that_cannot_be_calibrated_fails_before_anything_is_embedded(
    opened: Opened, tmp_path: Path, calibrations: Path
):
    test = labelled("ben", "test")
    test["messages"][0]["text"] = "привет"
    folder = write(tmp_path / "data", labelled("ann", "tune"), test)
    assert "no tune message is in cyrillic" in failed(run("--data", folder, "--sweep", "--write"), 2)
    assert opened.embedder.calls == []


def test_a_goal_for_too_many_facts_fails_before_anything_is_embedded(opened: Opened, data: Path):
    line = failed(run("--data", data, "--sweep", "--goal", "fpr<=0.1@200"), 2)
    assert "the largest en user to tune on, ann, has 3 facts" in line
    assert opened.embedder.calls == []


def test_a_calibration_folder_that_cannot_be_made_fails_before_anything_is_embedded(
    opened: Opened, data: Path, calibrations: Path
):
    calibrations.write_text("in the way", "utf-8")
    assert "--write: " in failed(run("--data", data, "--sweep", "--write"), 2)
    assert opened.embedder.calls == []


# --- mistakes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--goal", "max-f1"], "--goal belongs to --sweep"),
        (["--write"], "--write belongs to --sweep"),
        (["--sweep", "--goal", "f2"], "'f2' is none of max-f1"),
        (["--sweep", "--split", "test"], "leave --split out"),
        (["--limit", "0"], "--limit"),
        (["--threshold", "2"], "--threshold"),
        (["--threshold", "nan"], "--threshold"),
        (["--candidates", "5"], "belong to --rerank"),
        (["--rerank-threshold", "0.5"], "belong to --rerank"),
        (["--rerank", "--rerank-threshold", "nan"], "--rerank-threshold is not a number"),
        (["--rerank", "--candidates", "1"], "--candidates"),
        (["--seed", "-1"], "--seed"),
        (["--resamples", "1"], "--resamples"),
        (["--split", "train"], "--split"),
        (["--nothing"], "--nothing"),
    ],
)
def test_a_wrong_option_is_one_line_and_status_2(opened: Opened, data: Path, arguments: list[str], said: str):
    assert said in failed(run("--data", data, *arguments), 2)


def test_an_unknown_command_is_one_line():
    result = CliRunner().invoke(cli, ["retreival"])
    assert "retreival" in failed(result, 2)


def test_wrong_data_are_one_line_with_the_field(opened: Opened, tmp_path: Path):
    user = labelled()
    user["messages"][0]["relevant"] = {"f9": 1}
    assert "ann.json: messages.0.relevant" in failed(run("--data", write(tmp_path / "data", user)), 2)


def test_a_missing_folder_and_a_missing_split_are_one_line(opened: Opened, tmp_path: Path):
    assert "no *.json" in failed(run("--data", tmp_path / "nowhere"), 2)
    only_tune = write(tmp_path / "data", labelled())
    assert "no file there is of the split test" in failed(run("--data", only_tune, "--split", "test"), 2)


def test_a_sweep_without_a_test_split_fails_before_anything_is_embedded(opened: Opened, tmp_path: Path):
    line = failed(run("--data", write(tmp_path / "data", labelled()), "--sweep"), 2)
    assert "en has no test messages" in line
    assert opened.embedder.calls == []


def test_a_folder_that_cannot_be_made_fails_before_anything_is_embedded(opened: Opened, data: Path):
    assert "--out" in failed(run("--data", data, "--out", data / "ann.json" / "report"), 2)
    assert opened.embedder.calls == []


@pytest.mark.parametrize(
    ("failure", "status"),
    [(ConfigurationError("REPARTEE_X is wrong"), 2), (UpstreamUnreachable("gone", "embedder"), 1)],
)
def test_what_the_embedder_lacks_is_one_line(opened: Opened, data: Path, failure: Exception, status: int):
    opened.failure = failure
    assert str(failure) in failed(run("--data", data), status)


def test_a_missing_reranker_is_one_line_before_anything_is_embedded(
    opened: Opened, reranking: OpenedReranking, data: Path
):
    reranking.failure = ConfigurationError("set REPARTEE_RERANK__KIND")
    assert "REPARTEE_RERANK__KIND" in failed(run("--data", data, "--rerank"), 2)
    assert opened.embedder.calls == []


def test_a_failing_reranker_is_one_line(opened: Opened, reranking: OpenedReranking, data: Path):
    reranking.reranker.failure = UpstreamUnreachable("reranker is gone", "reranker")
    assert "reranker is gone" in failed(run("--data", data, "--rerank"), 1)
