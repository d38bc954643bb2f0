"""Embedders are tuned, measured on others, and served."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sentence_transformers import SentenceTransformer

from repartee.integrations.folder_embedder import FolderEmbedder
from repartee_tune.cli import cli
from repartee_tune.errors import TuneError
from repartee_tune.recipe import load_recipe
from repartee_tune.small_recipes import EmbedderRecipe
from repartee_tune.small_run import SmallRun
from repartee_tune.trainers import embedder
from tests.unit.repartee_tune.encoder import ENCODER, needs_encoder
from tests.unit.repartee_tune.labelled_people import all_texts, people
from tests.unit.repartee_tune.tiny_bert import sentence_transformer_folder
from tests.unit.repartee_tune.tiny_rows import LIBRARY_WARNINGS

pytestmark = [pytest.mark.filterwarnings(warning) for warning in LIBRARY_WARNINGS]


def recipe(*changes: str) -> EmbedderRecipe:
    found = load_recipe("embedder", ["least_messages=10", *changes])
    assert isinstance(found, EmbedderRecipe)
    return found


def losses(run: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]


@needs_encoder
@pytest.mark.parametrize("options", [("method=head", "head.steps=30"), ("lora.steps=3", "lora.dropout=0")])
def test_the_local_encoder_learns_and_is_measured(tmp_path: Path, options: tuple[str, str]) -> None:
    data, held_out = (
        people(tmp_path / "data", ("ada", "bo")),
        people(tmp_path / "test", ("fay",), split="test"),
    )
    run = SmallRun(data=data, out=tmp_path / "run", base=ENCODER, held_out=held_out)
    manifest = embedder.train(recipe(*options), run, lambda *_: None)
    found = losses(run.out)
    assert found[-1] < found[0]
    measures = json.loads((run.out / "measures.json").read_text("utf-8"))
    assert measures["rows"][0]["users"] == ["fay"]
    assert measures["profiles"]["before"] != measures["profiles"]["after"]
    golden = [json.loads(line) for line in (run.out / "golden_scores.jsonl").read_text("utf-8").splitlines()]
    assert len(golden) == 10
    assert {"item", "candidate", "champion", "cluster"} == golden[0].keys()
    assert embedder.train(recipe(*options), run, lambda *_: None) == manifest


async def test_a_sentence_transformer_is_trained_whole_and_served(tmp_path: Path) -> None:
    base = sentence_transformer_folder(tmp_path, all_texts())
    data = people(tmp_path / "data")
    options = recipe("method=full", "full.epochs=6", "full.batch_size=16", "full.learning_rate=2e-3")
    embedder.train(options, SmallRun(data=data, out=tmp_path / "run", base=base), lambda *_: None)
    found = losses(tmp_path / "run")
    assert np.mean(found[-5:]) < 0.8 * np.mean(found[:5])
    served = FolderEmbedder(tmp_path / "run" / "model", 0.4)
    expected = SentenceTransformer(str(tmp_path / "run" / "model"), device="cpu").encode(
        ["ada has a piano", "cactus"], normalize_embeddings=True
    )
    np.testing.assert_allclose(await served.embed_facts(["ada has a piano", "cactus"]), expected, atol=1e-4)
    await served.close()


def test_wrong_bases_and_leaks_are_one_line_errors(tmp_path: Path) -> None:
    data = people(tmp_path / "data", ("ada", "bo"))
    for base, message in (
        (None, "--base: give the encoder"),
        (tmp_path, "method lora tunes the local encoder"),
    ):
        with pytest.raises(TuneError, match=message):
            embedder.train(recipe(), SmallRun(data=data, out=tmp_path / "run", base=base), lambda *_: None)
    result = CliRunner().invoke(
        cli,
        [
            *("train", "embedder", "--set", "least_messages=10", "--base", str(tmp_path)),
            *("--data", str(data), "--held-out", str(data), "--out", str(tmp_path / "run")),
        ],
    )
    assert result.exit_code == 1
    assert "error: --data shares 10 facts with --held-out (ada and ada)" in result.output
    assert not (tmp_path / "run").exists()
