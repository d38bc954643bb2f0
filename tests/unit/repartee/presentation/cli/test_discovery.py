import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from repartee.presentation.cli.discovery import ServerFile, Serving, find_api
from repartee.presentation.cli.failures import ApiUnreachable, UserMistake
from repartee.presentation.cli.runtime import ClientSettings

_NOBODY = "http://127.0.0.1:9"


@contextmanager
def _answering(body: str) -> Iterator[str]:
    """Serve `body` at every path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def repartee() -> Iterator[str]:
    with _answering('{"status": "ok", "service": "repartee"}') as url:
        yield url


@pytest.fixture
def other() -> Iterator[str]:
    with _answering('{"service": "something else"}') as url:
        yield url


def _settings(data_dir: Path, url: str | None = None, default_url: str = _NOBODY) -> ClientSettings:
    return ClientSettings(data_dir=data_dir, url=url, default_url=default_url, api_key=None)


def _say(data_dir: Path, url: object, pid: object) -> None:
    (data_dir / "server.json").write_text(json.dumps({"url": url, "pid": pid}))


def _dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_file_is_there_while_serving_and_gone_afterwards(tmp_path: Path) -> None:
    file = ServerFile(tmp_path / "var")
    with file.holding("http://127.0.0.1:8000"):
        assert file.read() == Serving("http://127.0.0.1:8000", os.getpid())
        assert [path.name for path in (tmp_path / "var").iterdir()] == ["server.json"]
    assert file.read() is None


def test_a_file_that_somebody_else_wrote_meanwhile_stays(tmp_path: Path) -> None:
    file = ServerFile(tmp_path)
    with file.holding("http://127.0.0.1:8000"):
        _say(tmp_path, "http://127.0.0.1:8001", 1)
    assert file.read() == Serving("http://127.0.0.1:8001", 1)


def test_every_interface_is_reached_through_the_loopback_one(tmp_path: Path) -> None:
    with ServerFile(tmp_path).holding("http://0.0.0.0:8000"):
        assert ServerFile(tmp_path).read() == Serving("http://127.0.0.1:8000", os.getpid())


def test_a_folder_that_cannot_be_written_does_not_stop_the_server(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where the folder should be")
    with ServerFile(tmp_path / "var").holding("http://127.0.0.1:8000"):
        assert ServerFile(tmp_path / "var").read() is None


@pytest.mark.parametrize(
    "garbage",
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 100_000, b"{}", b'{"url": "http://127.0.0.1:1"}'],
)
def test_garbage_in_the_file_says_nothing(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / "server.json").write_bytes(garbage)
    assert ServerFile(tmp_path).read() is None
    assert find_api(_settings(tmp_path)) is None


@pytest.mark.parametrize(
    ("url", "pid"),
    [
        (None, 1),
        ("ftp://x", 1),
        (_NOBODY, "1"),
        (_NOBODY, True),
        (_NOBODY, 0),
        (_NOBODY, -1),
        (_NOBODY, None),
    ],
)
def test_values_that_make_no_sense_say_nothing(tmp_path: Path, url: object, pid: object) -> None:
    _say(tmp_path, url, pid)
    assert ServerFile(tmp_path).read() is None


def test_a_running_api_is_found_by_its_file(tmp_path: Path, repartee: str) -> None:
    _say(tmp_path, repartee, os.getpid())
    assert find_api(_settings(tmp_path)) == repartee


def test_a_process_that_is_gone_is_not_found(tmp_path: Path, repartee: str) -> None:
    for pid in (_dead_pid(), 2**70):
        _say(tmp_path, repartee, pid)
        assert find_api(_settings(tmp_path)) is None


def test_a_stranger_at_the_address_is_not_taken_for_us(tmp_path: Path, other: str) -> None:
    _say(tmp_path, other, os.getpid())
    assert find_api(_settings(tmp_path, default_url=other)) is None


def test_the_default_address_is_tried_without_a_file(tmp_path: Path, repartee: str) -> None:
    assert find_api(_settings(tmp_path, default_url=repartee)) == repartee


@pytest.mark.parametrize("body", ["", "not json", "[]", "[" * 100_000, '{"service": 3}'])
def test_answers_that_make_no_sense_are_no_api(tmp_path: Path, body: str) -> None:
    with _answering(body) as url:
        assert find_api(_settings(tmp_path, default_url=url)) is None


def test_the_named_address_wins(tmp_path: Path, repartee: str) -> None:
    _say(tmp_path, _NOBODY, os.getpid())
    assert find_api(_settings(tmp_path, url=repartee + "/")) == repartee
    assert find_api(_settings(tmp_path, url=_NOBODY), repartee) == repartee


def test_a_named_address_where_nobody_answers_is_an_error(tmp_path: Path, repartee: str) -> None:
    with pytest.raises(ApiUnreachable, match=f"nothing answers at {_NOBODY}"):
        find_api(_settings(tmp_path, url=_NOBODY, default_url=repartee))


def test_a_named_address_of_a_stranger_is_a_mistake(tmp_path: Path, other: str) -> None:
    with pytest.raises(UserMistake, match=f"what answers at {other} is not Repartee"):
        find_api(_settings(tmp_path, url=other))


@pytest.mark.parametrize("url", ["http://[", "http://127.0.0.1:99999", "http://"])
def test_a_named_address_that_is_none_is_an_error(tmp_path: Path, url: str) -> None:
    with pytest.raises(ApiUnreachable, match="nothing answers"):
        find_api(_settings(tmp_path, url=url))


def test_proxies_of_the_environment_are_left_alone(
    tmp_path: Path, repartee: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", _NOBODY)
    monkeypatch.setenv("ALL_PROXY", _NOBODY)
    assert find_api(_settings(tmp_path, default_url=repartee)) == repartee
