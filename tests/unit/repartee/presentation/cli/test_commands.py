"""The commands, with the use cases over fakes instead of a running API."""

from pathlib import Path

import pytest

from repartee.domain.errors import ConfigurationError
from tests.commands import NOBODY, FakeRuntime, failed, run


@pytest.fixture
def runtime(tmp_path: Path) -> FakeRuntime:
    return FakeRuntime(tmp_path)


def test_the_version_is_said(runtime: FakeRuntime) -> None:
    assert run(runtime, "--version").stdout.startswith("repartee, version ")


def test_serve_hands_its_options_on(runtime: FakeRuntime) -> None:
    assert run(runtime, "serve", "--host", "::1", "--port", "0").stdout == "serving\n"
    assert runtime.served == ("::1", 0, None, False)


def test_a_wrong_setting_is_one_line(runtime: FakeRuntime) -> None:
    runtime.failure = ConfigurationError("REPARTEE_LLM__MAX_TOKENS: Input should be\ngreater than 0")
    said = failed(run(runtime, "serve"), status=2)
    assert said == "REPARTEE_LLM__MAX_TOKENS: Input should be greater than 0"


def test_an_address_for_the_chat_is_checked(runtime: FakeRuntime) -> None:
    said = failed(run(runtime, "interact", "--api", "localhost:8000"), status=2)
    assert said == "--api: must start with http:// or https://"
    said = failed(run(runtime, "interact", "--api", NOBODY), status=1)
    assert said.startswith(f"nothing answers at {NOBODY}")
