"""JSON over POST, for vendors whose own client costs more than the call."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import aiohttp
import orjson

from repartee.domain.errors import UpstreamError, UpstreamMisconfigured
from repartee.integrations.transport import (
    KEEP_ALIVE_SECONDS,
    Upstream,
    checked_base_url,
    error_for_status,
    outgoing_traces,
    parsed_json,
    refuse_encoding,
    reported_error,
    whole_body,
)

_CONNECT_SECONDS: Final = 2.0


class JsonHttp:
    """JSON over POST to one upstream: no redirects, no ambient proxies, bounded replies, strict reading."""

    def __init__(
        self,
        upstream: Upstream,
        base_url: str,
        headers: Mapping[str, str],
        attempt_timeout: float,
        not_found: type[UpstreamError] = UpstreamMisconfigured,
    ) -> None:
        """`not_found` is what a 404 means."""
        self.dependency = upstream.dependency
        self._upstream = upstream
        self._base_url = checked_base_url(self.dependency, base_url)
        self._headers = {"content-type": "application/json", "accept-encoding": "identity", **headers}
        self._not_found = not_found
        self._attempt_timeout = attempt_timeout
        self._session: aiohttp.ClientSession | None = None

    async def post(self, path: str, body: Any) -> Any:
        """Return the parsed JSON answer. Raises UpstreamError."""
        return await self._upstream.call(partial(self._attempt, self._base_url + path, orjson.dumps(body)))

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        """Begin a session. Its timer bounds a connection's making alone: an attempt is bounded as a whole."""
        connect = min(_CONNECT_SECONDS, self._attempt_timeout)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=connect),
            trust_env=False,
            auto_decompress=False,
            trace_configs=outgoing_traces(),
        )
        return self._session

    async def _attempt(self, url: str, payload: bytes) -> Any:
        name = self.dependency
        session = self._session or self._open()
        async with self._upstream.translated(self._attempt_timeout):
            response = await session.post(url, data=payload, allow_redirects=False)
            try:
                self._refuse_others(response)
                body = await whole_body(name, response)
            finally:
                response.release()  # closes the connection where the body was not read to its end
        answer = parsed_json(name, body)
        if failure := reported_error(name, answer):
            raise failure
        return answer

    def _refuse_others(self, response: aiohttp.ClientResponse) -> None:
        name, status = self.dependency, response.status
        if status == 404:
            raise self._not_found(f"{name} answered 404: check its URL and the model's name", name)
        if status != 200:
            raise error_for_status(name, status, response.headers)
        refuse_encoding(name, response.headers)
