"""A tuned model behind `transformers serve`, a real server that is not ours, and behind it the service."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import call, service
from tests.tiny_chat_model import teach, write_tiny_chat_model

PROGRAM = Path(sys.executable).with_name("transformers")


@contextmanager
def transformers_serve(folder: Path, cache: Path) -> Iterator[str]:
    """Serve models of this machine; the value is the base URL."""
    cache.mkdir()  # without it the server's list of models is a 500
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (cache.parent / "serve.log").open("wb")
    process = subprocess.Popen(
        [PROGRAM, "serve", str(folder), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"],
        env={**os.environ, "HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(process, url, cache.parent / "serve.log")
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    for _ in range(1_500):
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {log.read_text()[-2_000:]}")
        try:
            if call("GET", f"{url}/health").status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start: {log.read_text()[-2_000:]}")


@pytest.mark.timeout(300)  # 15 s on two free processors, and most of it imports
def test_a_tuned_model_answers_through_generate_whole_and_streamed(tmp_path: Path) -> None:
    folder = write_tiny_chat_model(tmp_path / "tiny", positions=8_192)
    teach(folder)
    body = {
        "messages": [{"role": "user", "text": "evening"}],
        "user": {"name": "Maya"},
        "character": {"name": "Blaze", "description": "Runs a bar."},
        "generation": {"max_tokens": 24},
    }
    with transformers_serve(folder, tmp_path / "hub") as url:
        settings = {"REPARTEE_LLM__BASE_URL": f"{url}/v1", "REPARTEE_LLM__MODEL": str(folder)}
        with service(tmp_path / "var", **settings) as running:
            whole = running.post("/generate", body)
            assert whole.status == 200, (whole.body, running.output())
            assert whole.body["text"].strip()
            assert whole.body["arm"] == "default"
            assert whole.body["usage"]["prompt_tokens"] > 100
            streamed = running.post("/generate", body | {"stream": True})
            assert streamed.status == 200
            assert streamed.body.count("event: delta") > 1, streamed.body
            assert streamed.body.count("event: done") == 1
