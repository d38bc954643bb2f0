"""A cross-encoder is trained and served."""

import asyncio
import json
from pathlib import Path

import pytest
import torch
from sentence_transformers.cross_encoder import CrossEncoder

from repartee.integrations.onnx_reranker import OnnxReranker
from repartee_tune.recipe import load_recipe
from repartee_tune.retrieval.classifier_base import encoder_as_classifier
from repartee_tune.small_recipes import RerankerRecipe
from repartee_tune.small_run import SmallRun
from repartee_tune.trainers import reranker
from tests.unit.repartee_tune.encoder import ENCODER, needs_encoder
from tests.unit.repartee_tune.labelled_people import all_texts, people
from tests.unit.repartee_tune.tiny_bert import cross_encoder_folder
from tests.unit.repartee_tune.tiny_rows import LIBRARY_WARNINGS

pytestmark = [pytest.mark.filterwarnings(warning) for warning in LIBRARY_WARNINGS]


@needs_encoder
def test_a_cross_encoder_learns_is_measured_and_served(tmp_path: Path) -> None:
    base = cross_encoder_folder(tmp_path / "base", all_texts())
    data, held_out = (
        people(tmp_path / "data", ("ada", "bo")),
        people(tmp_path / "test", ("fay",), split="test"),
    )
    changes = ["least_messages=10", "epochs=6", "learning_rate=2e-3", "batch_size=16"]
    options = load_recipe("reranker", changes)
    assert isinstance(options, RerankerRecipe)
    run = SmallRun(data=data, out=tmp_path / "run", base=base, held_out=held_out)
    manifest = reranker.train(options, run, lambda *_: None)
    assert manifest.counts["pairs"] > 100
    losses = [
        json.loads(line)["loss"] for line in (run.out / "metrics.jsonl").read_text("utf-8").splitlines()
    ]
    assert float(losses[-1]) < float(losses[0])
    assert json.loads((run.out / "measures.json").read_text("utf-8"))["rows"][0]["users"] == ["fay"]
    served = OnnxReranker(run.out / "model")
    said, facts = "what about the piano?", ["ada has a piano at home", "bo has a cactus at home"]
    expected = CrossEncoder(str(run.out / "model"), device="cpu").predict([(said, fact) for fact in facts])
    assert asyncio.run(served.rerank(said, facts)) == pytest.approx(expected.tolist(), abs=1e-4)
    asyncio.run(served.close())


@needs_encoder
def test_the_local_encoders_layers_can_begin_a_cross_encoder(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = CrossEncoder(str(encoder_as_classifier(ENCODER, tmp_path / "start")), device="cpu")
    assert len(model.predict([("piano", "Is learning to play the piano")])) == 1
