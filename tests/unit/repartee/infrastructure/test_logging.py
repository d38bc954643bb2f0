import json
import subprocess
import sys

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
    assert lines[1]["exception"][0]["exc_type"] == "ValueError"
    assert lines[2]["exception"] == "ValueError"
    assert "canary" not in done.stderr
    assert done.stdout == ""
