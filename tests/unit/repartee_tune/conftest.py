"""One tiny model for all tests of a session, and no more than one thread for it."""

import os

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", HF_DATASETS_DISABLE_PROGRESS_BARS="1")
os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

from importlib import import_module
from pathlib import Path

import pytest

from tests.unit.repartee_tune.tiny_rows import make_rows


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat model of hidden size 64 that has learned nothing. Treat it as read-only."""
    import_module("torch").set_num_threads(1)  # imported for the tests that ask for a model only
    tiny = import_module("repartee_tune.tiny_model")
    rows = make_rows("dpo", 64)
    texts = [turn["content"] for row in rows for key in ("prompt", "chosen", "rejected") for turn in row[key]]
    size = tiny.TinyModelSize(hidden=64, layers=2, intermediate=128, vocabulary=400, positions=512)
    base: Path = tiny.build_tiny_chat_model(tmp_path_factory.mktemp("tiny") / "base", texts, size=size)
    return base
