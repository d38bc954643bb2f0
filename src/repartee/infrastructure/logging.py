"""JSON logs on standard error: one line per event, no user's words, no secrets, no local variables."""

import logging
import sys
from datetime import UTC, datetime
from typing import BinaryIO, Final, cast

import orjson
import structlog

_QUIET = (
    "openai",
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "aiohttp",
    "qdrant_client",
    "asyncio",
    "uvicorn",
)


def configure_logging(level: str, worker: int | None = None) -> None:
    """Send structlog and the standard library's warnings to standard error as JSON lines.

    `worker` is this process's number where there are several: it is then in every line.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[_line_of(worker)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(
            file=cast(BinaryIO, _Lines(getattr(sys.stderr.buffer, "raw", sys.stderr.buffer)))
        ),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter(worker))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


_with_traceback: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=20)
)


def _line_of(worker: int | None) -> structlog.typing.Processor:
    """Return the only processor: every request writes a line, and a chain of structlog's own costs more."""
    about = {"worker": worker} if worker else {}

    def line(logger: object, method: str, event: structlog.typing.EventDict) -> bytes:
        event = structlog.contextvars.merge_contextvars(logger, method, event)
        event.update(about)
        event = structlog.processors.add_log_level(logger, method, event)
        event["timestamp"] = datetime.now(UTC)
        if "exc_info" in event:
            event = _with_traceback(logger, method, event)
        return orjson.dumps(event, default=repr, option=orjson.OPT_UTC_Z)

    return line


class _Lines:
    """An unbuffered file whose disk may be full. What cannot be written is lost; the next line says so."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lost = 0

    def write(self, line: bytes) -> int:
        """Write one line, or count it as lost: no reply may fail for it."""
        try:
            if self._lost:
                self._file.write(b'{"event":"log lines were lost","lost_lines":%d}\n' % self._lost)
            whole = self._file.write(line) == len(line)
        except OSError:
            whole = False
        self._lost = 0 if whole else self._lost + 1
        return len(line)

    def flush(self) -> None:
        """Do nothing: lines are not kept back."""


class _JsonFormatter(logging.Formatter):
    """One JSON line for a record of a library: its words, and of an exception only the type."""

    def __init__(self, worker: int | None) -> None:
        super().__init__()
        self._about = {"worker": worker} if worker else {}

    def format(self, record: logging.LogRecord) -> str:
        event = self._about | {
            "event": record.getMessage().partition("\n")[0],
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
        }
        if record.exc_info and record.exc_info[0]:
            event["exception"] = record.exc_info[0].__name__
        return orjson.dumps(event).decode()
