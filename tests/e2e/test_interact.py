"""A person at a real terminal, and a pipe; the chat starts its own API with the offline responder."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.processes import CHECKOUT, environment, service

_MAYA = CHECKOUT / "examples" / "users" / "maya.json"
_COMMAND = [sys.executable, "-m", "repartee", "interact", "--user-file", str(_MAYA)]
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>()][0-9A-Za-z]?)|[\x07\r]")
_SECONDS = 45


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """Return the environment: no API at the default address, and a responder that takes its time."""
    return environment(
        tmp_path / "var",
        REPARTEE_API__PORT="9",
        REPARTEE_LLM__PIECE_DELAY_SECONDS="0.05",
        PROMPT_TOOLKIT_NO_CPR="1",
        TERM="xterm-256color",
        LC_ALL="C.UTF-8",
    )


class Terminal:
    """What a person sees and types."""

    def __init__(self, settings: dict[str, str], folder: Path) -> None:
        self.process = pexpect.spawn(
            _COMMAND[0],
            _COMMAND[1:],
            env=settings,
            cwd=str(folder),
            dimensions=(40, 100),
            encoding="utf-8",
        )
        self._raw = ""
        self._read = 0

    @property
    def text(self) -> str:
        return _ESCAPES.sub("", self._raw)

    def see(self, pattern: str) -> str:
        """Wait until something new matches, and return what is new up to its end."""
        deadline = time.monotonic() + _SECONDS
        while not (found := re.compile(pattern, re.DOTALL).search(self.text, self._read)):
            assert time.monotonic() < deadline, f"{pattern} did not appear after:\n{self.text[self._read :]}"
            try:
                self._raw += self.process.read_nonblocking(4096, timeout=0.1)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                deadline = 0
        start, self._read = self._read, found.end()
        return self.text[start : found.end()]

    def type(self, keys: str) -> None:
        self.process.send(keys)

    def say(self, line: str) -> str:
        """Type a line, and return what is shown until the next prompt."""
        self.type(line + "\r")
        self.see(re.escape(line))
        return self.see(r"\nMaya  › ")

    def leave(self) -> int:
        self.process.expect(pexpect.EOF, timeout=_SECONDS)
        self.process.close()
        return int(self.process.exitstatus if self.process.exitstatus is not None else -1)


@pytest.fixture
def terminal(settings: dict[str, str], tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(settings, tmp_path)
    yield opened
    opened.process.close(force=True)


def _api_pid(folder: Path) -> int:
    return int(json.loads((folder / "var" / "server.json").read_text())["pid"])


def _gone(pid: int) -> bool:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def _reply(shown: str) -> str:
    """Return the words of the one reply in what was shown."""
    [reply] = re.findall(r"Blaze › (.*?)\n(?: +· |\n)", shown, re.DOTALL)
    return " ".join(reply.split())


def test_a_chat_from_the_greeting_to_the_goodbye(terminal: Terminal, tmp_path: Path) -> None:
    opening = terminal.see("Maya  › ")
    assert re.search(r"started an API on http://127\.0\.0\.1:\d+", opening)
    assert "not a language model" in opening
    assert "120 facts of maya are not loaded" in opening
    greeting = _reply(opening)

    first = terminal.say("hello there")
    assert _reply(first)
    assert "·" not in first
    assert "120 facts of maya are stored" in terminal.say("/load")

    about_cello = terminal.say("my fingers hurt, we rehearsed the cello till ten")
    assert re.search(r"· .*cello.* \(0\.\d\d\)", about_cello)
    assert _reply(terminal.say("/retry")) != _reply(about_cello)

    terminal.type("\x1b[A\x1b[A")  # arrow up: the line before /retry
    terminal.see("my fingers hurt, we rehearsed the cello till ten")
    terminal.type("\x03")  # Ctrl-C clears the line
    assert "late-shift" not in terminal.say("/help")
    assert "there is no /nope" in terminal.say("/nope")
    assert "Blaze" in terminal.say("/character")
    assert "120 facts of maya are stored; the first 20 are above" in terminal.say("/facts")

    assert "saved 5 messages in talk.json" in terminal.say("/save talk.json")
    saved = json.loads((tmp_path / "talk.json").read_text())
    assert [said["role"] for said in saved["messages"]] == [
        "character",
        "user",
        "character",
        "user",
        "character",
    ]
    assert " ".join(saved["messages"][0]["text"].split()) == greeting
    assert (saved["user"]["id"], saved["character"]) == ("maya", "blaze")

    api = _api_pid(tmp_path)
    terminal.type("/quit\r")
    assert terminal.leave() == 0
    assert _gone(api)
    assert not (tmp_path / "var" / "server.json").exists()


def test_ctrl_c_stops_the_reply_and_not_the_program(settings: dict[str, str], tmp_path: Path) -> None:
    terminal = Terminal({**settings, "REPARTEE_LLM__PIECE_DELAY_SECONDS": "0.4"}, tmp_path)
    terminal.see("Maya  › ")
    terminal.type("tell me about your bar\r")
    terminal.see(r"Blaze › \S+ ")
    terminal.process.sendintr()
    stopped = terminal.see("Maya  › ")
    assert "· stopped" in stopped
    terminal.type("half a line\x03")  # at the prompt it clears the line
    assert "saved 3 messages" in terminal.say("/save talk.json")
    reply = json.loads((tmp_path / "talk.json").read_text())["messages"][-1]["text"]
    assert 0 < len(reply.split()) < 30
    terminal.type("\x04")
    assert terminal.leave() == 0


def test_a_chat_that_is_killed_takes_its_api_along(terminal: Terminal, tmp_path: Path) -> None:
    terminal.see("Maya  › ")
    api = _api_pid(tmp_path)
    terminal.process.kill(signal.SIGKILL)
    assert _gone(api)


def _piped(
    settings: dict[str, str], folder: Path, lines: str, *options: str
) -> subprocess.CompletedProcess[str]:
    fast = {**settings, "REPARTEE_LLM__PIECE_DELAY_SECONDS": "0"}
    return subprocess.run(
        [*_COMMAND, *options],
        input=lines,
        capture_output=True,
        text=True,
        env=fast,
        cwd=folder,
        timeout=_SECONDS,
        check=False,
    )


def test_a_pipe_gets_one_plain_reply_per_line(settings: dict[str, str], tmp_path: Path) -> None:
    done = _piped(settings, tmp_path, "hello there\n\nwhat do you drink?\n/help\n")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    greeting, first, second, *help_lines = done.stdout.splitlines()
    assert greeting
    assert first != second
    assert help_lines[0].startswith("/facts")
    assert re.match(r"started an API on http://127\.0\.0\.1:\d+\n", done.stderr)


def test_a_pipe_goes_on_after_an_error_and_tells_by_its_status(
    settings: dict[str, str], tmp_path: Path
) -> None:
    done = _piped(settings, tmp_path, "/nope\nhello there")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2, done.stdout + done.stderr
    assert "error: there is no /nope: /help lists what there is\n" in done.stderr


def test_a_chat_goes_on_from_a_file_without_another_greeting(
    settings: dict[str, str], tmp_path: Path
) -> None:
    chat = CHECKOUT / "examples" / "chats" / "rain.jsonl"
    done = _piped(settings, tmp_path, "any news of the band?\n/save on.jsonl\n", "--resume", str(chat))
    assert done.returncode == 0, done.stderr
    reply, saved = done.stdout.splitlines()
    assert saved == "saved 5 messages in on.jsonl"
    assert f"{chat}: 3 messages\nBlaze › Evening, Maya." in done.stderr
    before, after = chat.read_text().splitlines(), (tmp_path / "on.jsonl").read_text().splitlines()
    assert after[1 : len(before)] == before[1:]
    assert json.loads(after[-1])["mes"] == reply


def test_what_keeps_a_chat_from_beginning_is_one_line(settings: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "facts").write_text("not a folder")
    done = _piped(settings, tmp_path, "hello\n")
    assert done.returncode == 1
    assert done.stderr.startswith("error: the API did not start: ")
    assert done.stderr.count("\n") == 1


def test_a_running_api_is_used_and_left_running(settings: dict[str, str], tmp_path: Path) -> None:
    with service(tmp_path / "var", REPARTEE_API__PORT="9") as api:
        done = _piped(settings, tmp_path, "hello\n")
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith(f"using the API on {api.url}\n")
        assert api.get("/healthz").status == 200
