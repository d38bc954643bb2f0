"""Real processes for end-to-end tests: the service itself and the loopback upstream."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[1]
_PROXYLESS = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]


def call(method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Make one HTTP request with the standard library: a client that knows nothing of ours."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=dict(headers or {}))  # noqa: S310
    try:
        with _PROXYLESS.open(request, timeout=30) as response:
            return _answer(response.status, response)
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error.code, error)


def _answer(status: int, response: Any) -> Answer:
    text = response.read().decode()
    try:
        body = json.loads(text)
    except ValueError:
        body = text
    return Answer(status, body, {name.lower(): value for name, value in response.headers.items()})


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """Return the environment of a process that sees only these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REPARTEE_")}
    return kept | {"REPARTEE_DATA_DIR": str(data_dir)} | settings


class Service:
    """`repartee serve` on a free port."""

    def __init__(self, data_dir: Path, cwd: Path, **settings: str) -> None:
        self.data_dir = data_dir
        self.log = data_dir / f"serve-{time.monotonic_ns()}.log"
        data_dir.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "repartee", "serve", "--port", "0"],
                env=environment(data_dir, **settings),
                cwd=cwd,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.url = self._started()

    def _started(self) -> str:
        for _ in range(600):
            if self.process.poll() is not None:
                raise RuntimeError(f"the service ended: {self.output()}")
            try:
                known = json.loads((self.data_dir / "server.json").read_text())
                if known["pid"] == self.process.pid and call("GET", known["url"] + "/healthz").status == 200:
                    return str(known["url"])
            except (OSError, ValueError):
                pass
            time.sleep(0.05)
        raise RuntimeError(f"the service did not start: {self.output()}")

    def output(self) -> str:
        """Return all that the process printed."""
        return self.log.read_text()

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return call("POST", self.url + path, body, headers)

    def get(self, path: str) -> Answer:
        return call("GET", self.url + path)

    def delete(self, path: str) -> Answer:
        return call("DELETE", self.url + path)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the process and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


class Repartee:
    """The command, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._environment = environment(folder / "var", REPARTEE_API__PORT="9")
        self._folder = folder

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "repartee", *arguments],
            env=self._environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        with self.start(*arguments) as process:
            stdout, stderr = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    def stored(self, user_id: str = "maya") -> set[str]:
        listed = self.run("facts", "list", "--user-id", user_id, "--json")
        assert listed.returncode == 0, listed.stderr
        return {fact["text"] for fact in json.loads(listed.stdout)["facts"]}


@contextmanager
def service(data_dir: Path, **settings: str) -> Iterator[Service]:
    """Run the service in a folder without `.env`."""
    running = Service(data_dir, cwd=data_dir.parent, **settings)
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def loopback_upstream(dimension: int = 64, otherwise: str = "ok") -> Iterator[str]:
    """Run the loopback upstream as a process; the value is its URL. `otherwise` names its usual answer."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.loopback.upstream",
            "--port",
            "0",
            "--dimension",
            str(dimension),
            "--otherwise",
            otherwise,
        ],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(timeout=10)
        assert process.stdout
        process.stdout.close()
