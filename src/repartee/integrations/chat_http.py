"""POST to a chat completions server over aiohttp: a quarter of what the vendor's client costs per call."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Self

import aiohttp
import orjson

from repartee.domain.errors import UpstreamError, UpstreamMisconfigured
from repartee.integrations.transport import (
    KEEP_ALIVE_SECONDS,
    UnknownModel,
    error_for_status,
    outgoing_traces,
    refuse_encoding,
)

_MAX_ERROR_BYTES: Final = 65_536
_MOST_CONNECTIONS: Final = 1_000


class ChatHttp:
    """One server: no redirects, no ambient proxies, nothing unpacked. The caller bounds the time."""

    def __init__(self, dependency: str, url: str, headers: Mapping[str, str], connect_timeout: float) -> None:
        self._dependency = dependency
        self._url = url
        self._headers = {
            "accept": "application/json",
            "accept-encoding": "identity",
            "content-type": "application/json",
            "user-agent": "repartee",
            **headers,
        }
        self._timeout = aiohttp.ClientTimeout(
            total=None, connect=connect_timeout, sock_connect=connect_timeout
        )
        self._ssl = ssl.create_default_context()  # with SSL_CERT_FILE as it is now, not at aiohttp's import
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def post(self, content: bytes) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yield an answer whose head says that it is one. Raises UpstreamError, and as aiohttp."""
        response = await self.answer(content)
        async with response:
            yield response

    async def answer(self, content: bytes) -> aiohttp.ClientResponse:
        """Return an answer whose head says that it is one; the caller releases it.

        Raises UpstreamError, and as aiohttp.
        """
        session = self._session or self._open()
        response = await session.post(self._url, data=content, allow_redirects=False)
        if response.status != 200:
            raise await self._failure(response)
        try:
            refuse_encoding(self._dependency, response.headers)
        except UpstreamError:
            response.release()
            raise
        return response

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=_MOST_CONNECTIONS, keepalive_timeout=KEEP_ALIVE_SECONDS, ssl=self._ssl
            ),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            trust_env=False,
            auto_decompress=False,
            trace_configs=outgoing_traces(),
        )
        return self._session

    async def _failure(self, response: aiohttp.ClientResponse) -> UpstreamError:
        """Return what the status means; the body's first 64 KiB may tell it better."""
        async with response:
            detail = _error_in(await _first_bytes(response))
        meant = error_for_status(self._dependency, response.status, response.headers, detail=detail)
        unknown = response.status == 404 and isinstance(meant, UpstreamMisconfigured)
        return UnknownModel(meant.message, self._dependency) if unknown else meant


class Patience:
    """A body whose every chunk may take `seconds`, however many there are.

    One timer for all of them, which looks when somebody began to wait: one for each chunk costs more than
    reading it. A wait that was too long ends with TimeoutError. aiohttp's own limit is not used: it loses it
    where the framing of a body breaks.
    """

    def __init__(self, content: aiohttp.StreamReader, seconds: float) -> None:
        self._content = content
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._waiting_since: float | None = None

    def __enter__(self) -> Self:
        self._timer = self._loop.call_later(self._seconds, self._look)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    async def next(self) -> bytes:
        """Return what has come, none at the end. Raises TimeoutError, and as aiohttp."""
        self._waiting_since = self._loop.time()
        chunk = await self._content.readany()
        self._waiting_since = None
        return chunk

    def _look(self) -> None:
        since = self._waiting_since
        left = self._seconds if since is None else since + self._seconds - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self._content.set_exception(TimeoutError())


async def _first_bytes(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) >= _MAX_ERROR_BYTES:
            break
    return bytes(body[:_MAX_ERROR_BYTES])


def _error_in(body: bytes) -> Any:
    """Return the `error` object of a document, or the document where it has none."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return document.get("error", document) if isinstance(document, dict) else None
