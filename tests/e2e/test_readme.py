import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.processes import CHECKOUT, Service, service

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CURLS = [
    block for block in BLOCK.findall((CHECKOUT / "README-EN.md").read_text()) if block.startswith("curl")
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory):
    with service(tmp_path_factory.mktemp("readme") / "var") as started:
        yield started


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("block", CURLS, ids=range(len(CURLS)))
def test_every_curl_of_the_readme_works_as_it_is_printed(
    running: Service, block: str, tmp_path: Path
) -> None:
    command = block.replace("http://127.0.0.1:8000", running.url).replace(
        "curl -s", "curl --fail-with-body -s"
    )
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(("{", "event: facts\n"))


def test_there_are_curls_to_try() -> None:
    assert len(CURLS) >= 8
