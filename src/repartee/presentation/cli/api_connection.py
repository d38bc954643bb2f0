"""The chat's way to an API: the one that is running, or one of its own."""

from collections.abc import Callable
from contextlib import ExitStack

from repartee.presentation.cli.api_client import ApiClient
from repartee.presentation.cli.discovery import find_api
from repartee.presentation.cli.own_api import OwnApi
from repartee.presentation.cli.runtime import ClientSettings


class ApiConnection(ExitStack):
    """Connects when a client is first asked for, and again after `drop`; says what it found."""

    def __init__(self, settings: ClientSettings, url: str | None, announce: Callable[[str], None]) -> None:
        super().__init__()
        self._settings = settings
        self._url = url
        self._announce = announce
        self._own = self.enter_context(OwnApi(settings.data_dir))
        self._client: ApiClient | None = None
        self.callback(self.drop)

    @property
    def client(self) -> ApiClient:
        """The client. Raises ApiUnreachable, UserMistake, RunFailed."""
        if self._client is None:
            self._client = ApiClient(self._found() or self._started(), self._settings.api_key)
        return self._client

    def drop(self) -> None:
        """Forget the address: whoever was there is gone."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _found(self) -> str | None:
        url = find_api(self._settings, self._url)
        if url:
            self._announce(f"using the API on {url}")
        return url

    def _started(self) -> str:
        url = self._own.start()
        self._announce(f"started an API on {url}")
        return url
