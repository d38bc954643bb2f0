"""What the command line needs from the composition root."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from repartee.application.ports import TokenCounter
from repartee.presentation.services import Services


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Where a client of the API looks for it. `url` is set only if the operator named one."""

    data_dir: Path
    url: str | None
    default_url: str
    api_key: str | None


class Runtime(Protocol):
    """The composition root, as the commands see it."""

    def client_settings(self) -> ClientSettings:
        """Return where the API is to be found. Raises ConfigurationError."""
        ...

    def token_counter(self) -> TokenCounter:
        """Return what estimates the tokens of a text."""
        ...

    def services(self) -> AbstractAsyncContextManager[Services]:
        """Open everything in this process, without an API; close it at the end. Raises ReparteeError."""
        ...

    def serve(
        self,
        host: str | None,
        port: int | None,
        announce: Callable[[str], None],
        *,
        workers: int | None,
        until_stdin_closes: bool,
    ) -> None:
        """Serve the API until a signal comes; `announce` gets the lines for the operator."""
        ...
