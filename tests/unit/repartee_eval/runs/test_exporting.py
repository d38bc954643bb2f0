import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from repartee_eval.cli.export_run import export_run
from repartee_eval.runs.folder import open_run
from repartee_eval.runs.manifest import JudgeSection, Manifest
from repartee_eval.verdict_rows import VerdictRow
from tests.unit.repartee_eval.runs.jobs import Endpoint, FakeJob, answer

ROWS = [
    VerdictRow("i1", "c", "in_character", "A", "B", "a", "tie", p_b=0.5, judge="j1", len_a=3, len_b=4),
    VerdictRow(
        "i2", "c", "in_character", "A", 'B, "x"\nПривет', "b", "failed", judge="j1", failure="timeout"
    ),
]


@pytest.fixture
async def run_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    manifest = Manifest(command="compare", judges=(JudgeSection(id="j1", model="m"),))
    with open_run(folder, manifest) as run:
        job = FakeJob("a", Endpoint())
        await run.store.keep_answer(await run.store.begin(job), job, answer("raw"), 1)
        await run.store.replace_rows("j1", ROWS)
    return folder


def exported(folder: Path, to: str, *more: str) -> Result:
    return CliRunner().invoke(export_run, [str(folder), "--to", str(folder.parent / to), *more])


def test_jsonl_has_one_record_a_row(run_folder: Path) -> None:
    assert exported(run_folder, "v.jsonl").exit_code == 0
    lines = (run_folder.parent / "v.jsonl").read_text().splitlines()
    assert [VerdictRow(**json.loads(line)) for line in lines] == ROWS


def test_csv_has_the_documented_columns_and_empty_cells_for_what_is_not_known(run_folder: Path) -> None:
    assert exported(run_folder, "v.csv", "--judge", "j1").exit_code == 0
    with (run_folder.parent / "v.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["p_b"], first["failure"], first["len_a"]) == ("0.5", "", "3")
    assert (second["model_b"], second["p_b"], second["failure"]) == (ROWS[1].model_b, "", "timeout")


def test_parquet_has_types_and_nulls(run_folder: Path) -> None:
    assert exported(run_folder, "v.parquet").exit_code == 0
    table = pq.read_table(run_folder.parent / "v.parquet")
    assert [VerdictRow(**record) for record in table.to_pylist()] == ROWS
    assert str(table.schema.field("len_a").type) == "int64"


def test_answers_are_exported_raw(run_folder: Path) -> None:
    result = exported(run_folder, "a.jsonl", "--what", "answers")
    assert "1 answers written" in result.stderr
    assert json.loads((run_folder.parent / "a.jsonl").read_text())["raw"] == "raw"


@pytest.mark.parametrize(
    ("more", "to", "said"),
    [
        ((), "v.xlsx", "--to: v.xlsx must end in one of .jsonl, .csv, .parquet"),
        (("--judge", "j9"), "v.csv", "--judge: j9 has not judged this run; judges: j1"),
        (("--judge", "j1", "--what", "answers"), "v.csv", "--judge goes with"),
    ],
)
def test_a_mistake_is_named(run_folder: Path, more: tuple[str, ...], to: str, said: str) -> None:
    result = exported(run_folder, to, *more)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (run_folder.parent / to).exists()
