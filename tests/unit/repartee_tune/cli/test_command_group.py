"""What holds for every command of `repartee-tune`."""

import logging

import pytest
from click.testing import CliRunner

from repartee_tune.cli import cli


def test_no_command_asks_for_an_optional_package_of_bitsandbytes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("bitsandbytes")
    monkeypatch.setattr(logger, "level", logging.NOTSET)
    assert CliRunner().invoke(cli, ["registry", "--registry", "none", "list"]).exit_code == 0
    logger.getChild("backends.cpu.ops").warning("Please make sure you already `pip install kernels`")
    assert not caplog.records
