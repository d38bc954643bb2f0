"""The `repartee` command over fakes, with no API that runs."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from repartee.presentation.cli.commands import repartee
from repartee.presentation.cli.runtime import ClientSettings, Runtime
from repartee.presentation.services import Services
from tests.fakes import FakeEmbedder, FakeEventLog, FakeFactArchive, FakeFactStore
from tests.serving import WordCounter, fake_services

NOBODY = "http://127.0.0.1:9"


class FakeRuntime(Runtime):
    """No API, and a store of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.settings = ClientSettings(data_dir=data_dir, url=None, default_url=NOBODY, api_key=None)
        self.store = FakeFactStore()
        self.embedder = FakeEmbedder()
        self.archive = FakeFactArchive({}, self.store)
        self.event_log = FakeEventLog()
        self.failure: Exception | None = None
        self.served: tuple[object, ...] = ()

    def client_settings(self) -> ClientSettings:
        return self.settings

    def token_counter(self) -> WordCounter:
        return WordCounter()

    @asynccontextmanager
    async def services(self) -> AsyncIterator[Services]:
        if self.failure:
            raise self.failure
        yield fake_services(
            embedder=self.embedder, store=self.store, archive=self.archive, event_log=self.event_log
        )

    def serve(
        self,
        host: str | None,
        port: int | None,
        announce: Callable[[str], None],
        *,
        workers: int | None,
        until_stdin_closes: bool,
    ) -> None:
        if self.failure:
            raise self.failure
        announce("serving")
        self.served = (host, port, workers, until_stdin_closes)


def run(runtime: Runtime, *arguments: str) -> Result:
    """Run the command; what it does not expect is raised."""
    result = CliRunner().invoke(repartee, arguments, obj=runtime)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def failed(result: Result, status: int) -> str:
    """Return the one line that a failure has to be."""
    assert result.exit_code == status
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("error: ").strip()
