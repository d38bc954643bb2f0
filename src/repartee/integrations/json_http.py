"""JSON over POST, for vendors whose own client costs more than the call."""

from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson

from repartee.domain.errors import UpstreamError, UpstreamMisconfigured
from repartee.integrations.transport import (
    KEEP_ALIVE_SECONDS,
    Upstream,
    checked_base_url,
    error_for_status,
    parsed_json,
    refuse_encoding,
    reported_error,
    whole_body,
)


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
        self._timeout = aiohttp.ClientTimeout(total=attempt_timeout, connect=min(2.0, attempt_timeout))
        self._session: aiohttp.ClientSession | None = None

    async def post(self, path: str, body: Any) -> Any:
        """Return the parsed JSON answer. Raises UpstreamError."""
        payload = orjson.dumps(body)
        return await self._upstream.call(lambda: self._attempt(path, payload))

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                trust_env=False,
                auto_decompress=False,
            )
        return self._session

    async def _attempt(self, path: str, payload: bytes) -> Any:
        name = self.dependency
        async with (
            self._upstream.translated(),
            self._open().post(
                self._base_url + path, data=payload, headers=self._headers, allow_redirects=False
            ) as response,
        ):
            if response.status == 404:
                raise self._not_found(f"{name} answered 404: check its URL and the model's name", name)
            if response.status != 200:
                raise error_for_status(name, response.status, response.headers)
            refuse_encoding(name, response.headers)
            body = await whole_body(name, response)
        answer = parsed_json(name, body)
        if failure := reported_error(name, answer):
            raise failure
        return answer
