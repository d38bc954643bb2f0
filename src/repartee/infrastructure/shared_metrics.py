"""Counters of several workers, which any of them can show as one.

Each worker counts in files of its own, mapped into its memory; whoever is asked adds them up: that is the
multiprocess mode of prometheus_client. Files carry the worker's number, not its process id: a replacement
counts on where the killed worker stopped, and files never grow in number.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from prometheus_client import values

from repartee.domain.errors import ConfigurationError

_log = structlog.get_logger(__name__)

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_LASTING: Final = ("counter", "histogram")
_OF_THE_LIVING: Final = ("gauge_livesum", "gauge_livemax")
_BYTES: Final = 1_048_576


@dataclass(frozen=True, slots=True)
class SharedMetrics:
    """The folder with the files."""

    folder: Path

    @classmethod
    @contextmanager
    def made(cls, workers: int) -> Iterator["SharedMetrics"]:
        """Make the files, and remove them at the end. Raises ConfigurationError where there is no room."""
        with ExitStack() as made:
            try:
                folder = made.enter_context(tempfile.TemporaryDirectory(prefix="repartee-metrics-"))
                metrics = cls(Path(folder))
                for number in range(1, workers + 1):
                    metrics._make(number, (*_LASTING, *_OF_THE_LIVING))
            except OSError as error:
                raise ConfigurationError(
                    f"several workers keep their metrics in the temporary folder, where {error.strerror}: "
                    "point TMPDIR to a folder that can be written"
                ) from None
            yield metrics

    def take(self, number: int) -> None:
        """Let this process count as worker `number`. To be called before the first metric is made."""
        os.environ[FOLDER_VARIABLE] = str(self.folder)
        values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]

    def forget(self, number: int) -> None:
        """Drop what a worker that is gone had in progress; what it counted stays."""
        try:
            self._make(number, _OF_THE_LIVING)
        except OSError as error:
            _log.warning("the metrics of a worker that is gone stay", number=number, reason=error.strerror)

    def remove(self) -> None:
        """Take the files away; who counts in them may go on."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make(self, number: int, kinds: tuple[str, ...]) -> None:
        """Give each file its room now: in a mapped file, a disk that is full later kills the process.

        A file takes its place whole, as another worker may be adding up all of them just then.
        """
        for kind in kinds:
            path = self.folder / f"{kind}_{number}.db"
            fresh = path.with_suffix(".new")
            fresh.write_bytes(bytes(_BYTES))
            fresh.replace(path)
