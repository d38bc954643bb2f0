import os
import sys
from pathlib import Path

import pytest

from repartee.domain.errors import ConfigurationError
from repartee_eval.wiring import calibration_folder, open_embedder, open_reranking
from tests.cross_encoder import write_cross_encoder

ENCODER = Path(sys.prefix) / "share/repartee/all-minilm-l6-v2"


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("REPARTEE_")]:
        monkeypatch.delenv(name)


@pytest.mark.skipif(
    not (ENCODER / "manifest.json").is_file(), reason="the local encoder is not built: run `make encoder`"
)
async def test_the_embedder_is_the_services_own_and_nothing_else_is_opened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("REPARTEE_EMBEDDER__THRESHOLD", "0.31")
    async with open_embedder() as embedder:
        assert embedder.profile.model == "all-MiniLM-L6-v2"
        assert embedder.profile.threshold == 0.31
        assert len(await embedder.embed_query("hello")) == embedder.profile.dimension
    assert list(tmp_path.iterdir()) == []  # no store was made


async def test_settings_without_an_encoder_are_the_operators_mistake(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REPARTEE_EMBEDDER__FOLDER", "nowhere")
    with pytest.raises(ConfigurationError, match="make encoder"):
        async with open_embedder():
            pass


async def test_the_reranker_is_the_services_own_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    folder = write_cross_encoder(tmp_path / "tiny", ["tea"])
    monkeypatch.setenv("REPARTEE_RERANK__KIND", "local")
    monkeypatch.setenv("REPARTEE_RERANK__FOLDER", str(folder))
    monkeypatch.setenv("REPARTEE_RERANK__CANDIDATES", "7")
    monkeypatch.setenv("REPARTEE_RERANK__THRESHOLD", "0.2")
    async with open_reranking() as found:
        assert (found.reranker.name, found.candidates, found.threshold) == ("tiny", 7, 0.2)
        same, other = await found.reranker.rerank("tea", ["tea", "coffee"])
        assert same > other
    async with open_reranking(candidates=9, threshold=0.0) as asked:
        assert (asked.candidates, asked.threshold) == (9, 0.0)


async def test_no_reranker_is_the_operators_mistake():
    with pytest.raises(ConfigurationError, match="REPARTEE_RERANK__KIND"):
        async with open_reranking():
            pass


def test_calibrations_are_kept_where_the_service_looks(monkeypatch: pytest.MonkeyPatch):
    assert calibration_folder() == Path("var/calibration")
    monkeypatch.setenv("REPARTEE_DATA_DIR", "elsewhere")
    assert calibration_folder() == Path("elsewhere/calibration")
    monkeypatch.setenv("REPARTEE_EMBEDDER__CALIBRATION", "mine")
    assert calibration_folder() == Path("mine")
