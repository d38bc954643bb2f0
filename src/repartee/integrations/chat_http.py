"""POST to a chat completions server over aiohttp: a quarter of what the vendor's client costs per call."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import orjson

from repartee.domain.errors import UpstreamError, UpstreamMisconfigured
from repartee.integrations.transport import (
    KEEP_ALIVE_SECONDS,
    UnknownModel,
    error_for_status,
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
        async with self._open().post(
            self._url, data=content, headers=self._headers, allow_redirects=False
        ) as response:
            if response.status != 200:
                raise await self._failure(response)
            refuse_encoding(self._dependency, response.headers)
            yield response

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=_MOST_CONNECTIONS, keepalive_timeout=KEEP_ALIVE_SECONDS, ssl=self._ssl
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                trust_env=False,
                auto_decompress=False,
            )
        return self._session

    async def _failure(self, response: aiohttp.ClientResponse) -> UpstreamError:
        """Return what the status means; the body's first 64 KiB may tell it better."""
        detail = _error_in(await _first_bytes(response))
        meant = error_for_status(self._dependency, response.status, response.headers, detail=detail)
        unknown = response.status == 404 and isinstance(meant, UpstreamMisconfigured)
        return UnknownModel(meant.message, self._dependency) if unknown else meant


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
