import os
import sys
from pathlib import Path

import pytest

from repartee.domain.errors import ConfigurationError
from repartee_eval.wiring import open_embedder

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
