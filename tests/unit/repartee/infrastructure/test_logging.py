import io
import json
import re
import subprocess
import sys
from typing import Any

from repartee.infrastructure.logging import _Lines

PROGRAM = """
import structlog
from repartee.infrastructure.logging import configure_logging
configure_logging("info")
log = structlog.get_logger("x")
log.info("one", text="a\\nb\\u2028\\x1b[31m", number=1)
log.debug("hidden")
def f(secret):
    raise ValueError("no words here")
try:
    f("canary-local")
except ValueError:
    log.exception("failed")
import logging
try:
    f("canary-local")
except ValueError:
    logging.getLogger("uvicorn.error").error("of a library", exc_info=True)
logging.getLogger("uvicorn.error").info("hidden")
"""


def test_each_event_is_one_json_line_and_an_exception_shows_no_local_variables() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.split("\n")[:-1]]
    assert [line["event"] for line in lines] == ["one", "failed", "of a library"]
    assert lines[0]["text"] == "a\nb\u2028\x1b[31m"
    assert all(
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", line["timestamp"]) for line in lines
    )
    assert lines[1]["exception"][0]["exc_type"] == "ValueError"
    assert lines[2]["exception"] == "ValueError"
    assert "canary" not in done.stderr
    assert done.stdout == ""


def test_a_line_that_cannot_be_written_fails_nothing_and_the_next_one_says_that_it_is_lost() -> None:
    class Disk(io.BytesIO):
        full = False

        def write(self, data: Any) -> int:
            if self.full:
                raise OSError("no space left")
            return super().write(data)

    disk = Disk()
    lines = _Lines(disk)
    lines.write(b"one\n")
    disk.full = True
    lines.write(b"two\n")
    lines.write(b"three\n")
    disk.full = False
    lines.write(b"four\n")
    lines.write(b"five\n")
    said = disk.getvalue().splitlines()
    assert [line for line in said if not line.startswith(b"{")] == [b"one", b"four", b"five"]
    assert [json.loads(line)["lost_lines"] for line in said if line.startswith(b"{")] == [2]
