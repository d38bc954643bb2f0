"""One simulated judge for all tests of evaluation, and nobody's settings."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loopback.judge import JudgeServer, Opinion, judge_server


@pytest.fixture(scope="session")
def _server() -> Iterator[JudgeServer]:
    with judge_server() as server:
        yield server


@pytest.fixture
def judge(_server: JudgeServer) -> JudgeServer:
    """The simulated judge, well and without an opinion."""
    _server.opinion = Opinion()
    _server.status, _server.delay, _server.on_call = 200, 0.0, None
    _server.calls.clear()
    _server.keys.clear()
    return _server


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working folder, and no settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("REPARTEE_")]:
        monkeypatch.delenv(name)
    return tmp_path
