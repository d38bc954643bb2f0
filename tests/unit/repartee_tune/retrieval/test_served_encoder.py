"""The local encoder, read as numbers and written back."""

import json
from pathlib import Path

import numpy as np
import pytest

from repartee.integrations.folder_embedder import FolderEmbedder
from repartee.integrations.onnx_embedder import OnnxEmbedder
from repartee_tune.errors import TuneError
from repartee_tune.retrieval.served_encoder import read_served_encoder, rounded, write_served_encoder
from repartee_tune.retrieval.torch_encoder import TorchEncoder, linear_weights
from tests.unit.repartee_tune.encoder import ENCODER, needs_encoder

TEXTS = ["Is learning to play the piano", "my fingers hurt from all those scales", "ok"]


@needs_encoder
async def test_what_is_written_back_unchanged_serves_the_same_vectors(tmp_path: Path) -> None:
    base = read_served_encoder(ENCODER)
    encoder = TorchEncoder(base)
    write_served_encoder(
        base, tmp_path / "same", weights=linear_weights(encoder.model), head=np.eye(384, dtype=np.float32)
    )
    before, after = OnnxEmbedder(ENCODER), OnnxEmbedder(tmp_path / "same")
    folder = FolderEmbedder(tmp_path / "same", 0.4)
    expected = np.array(await before.embed_facts(TEXTS))
    np.testing.assert_allclose(await after.embed_facts(TEXTS), expected, atol=1e-5)
    np.testing.assert_allclose(await folder.embed_facts(TEXTS), expected[:, :384], atol=1e-5)
    np.testing.assert_allclose(encoder.embed(TEXTS).detach().numpy(), expected[:, :384], atol=1e-4)
    assert after.profile.id.startswith("minilm-l6-v2-int8-tuned-")
    assert len({before.profile.id, after.profile.id, folder.profile.id}) == 3
    for embedder in (before, after, folder):
        await embedder.close()


@needs_encoder
def test_an_encoder_with_a_head_is_not_tuned_again(tmp_path: Path) -> None:
    write_served_encoder(
        read_served_encoder(ENCODER), tmp_path / "out", weights={}, head=np.eye(384, dtype=np.float32)
    )
    with pytest.raises(TuneError, match="has a head already"):
        read_served_encoder(tmp_path / "out")
    described = json.loads((tmp_path / "out" / "encoder.json").read_text("utf-8"))
    assert described["id"] == "minilm-l6-v2-int8-tuned"


def test_a_folder_without_an_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TuneError, match="run `make encoder`"):
        read_served_encoder(tmp_path)


def test_rounding_is_the_builds() -> None:
    weight = np.array([[0.0, 0.5, -1.27], [0.127, 0.0, 0.0]], np.float32)
    steps, step = rounded(weight)
    np.testing.assert_allclose((steps * step).T, weight, atol=1e-6)
    assert (steps.dtype, steps.shape) == (np.int8, (3, 2))
