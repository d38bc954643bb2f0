"""An OpenAI-compatible chat endpoint as evaluation calls it: one attempt, its whole answer raw, its price.

The runner retries, pauses and limits; nothing here does. Redirects are not followed, proxies of the
environment are not used, an answer is bounded, and its deadline is for all of it, however slowly it drips.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import aiohttp
import orjson

from repartee_eval.errors import EvalError
from repartee_eval.prices import Price
from repartee_eval.runs.http_failures import failure_below_http, failure_of_body, failure_of_status
from repartee_eval.runs.job import Answer, CallFailed

_MOST_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A body, serialised once: its bytes are what is hashed, priced and sent."""

    body: bytes
    max_tokens: int

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        """Return the request for a chat completion's JSON body; it has to bound its answer.

        Raises EvalError without `max_tokens` or `max_completion_tokens`.
        """
        most = body.get("max_completion_tokens") or body.get("max_tokens")
        if not isinstance(most, int) or most < 1:
            raise EvalError(
                "a chat request needs max_tokens: without it nobody can say what it costs at most"
            )
        return cls(orjson.dumps(body, option=orjson.OPT_SORT_KEYS), most * int(body.get("n") or 1))


class ChatEndpoint:
    """Sends chat requests to one address for one model; jobs of one endpoint share it. Close it at the end.

    `timeout` in seconds for one whole attempt. Raises EvalError for an address or a key that cannot be right.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        price: Price | None = None,
        timeout: float = 120.0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.model = model
        self.price = price
        self._base_url = _checked_url(base_url)
        self.name = f"{self._base_url} {model}"
        self._headers = {
            "content-type": "application/json",
            "accept-encoding": "identity",
            **(headers or {}),
            **_bearer(api_key),
        }
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=min(10.0, timeout))
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def worst_cost(self, request: ChatRequest) -> float | None:
        """Return the US dollars that one attempt costs at most, None where the price is not known."""
        return None if self.price is None else self.price.worst(len(request.body), request.max_tokens)

    async def complete(self, request: ChatRequest) -> Answer:
        """Make one attempt; `raw` is the body as it came. Raises CallFailed."""
        started = time.monotonic()
        raw = await self.post("chat/completions", request.body)
        latency = time.monotonic() - started
        try:
            document = orjson.loads(raw)
            text = raw.decode()
        except (orjson.JSONDecodeError, UnicodeDecodeError):
            raise CallFailed("invalid_answer", "the body is not JSON", retryable=True) from None
        if failure := failure_of_body(document):
            raise failure
        return self._answer(text, document, latency)

    def _answer(self, text: str, document: dict[str, Any], latency: float) -> Answer:
        usage = document.get("usage")
        prompt, completion = _tokens(usage, "prompt_tokens"), _tokens(usage, "completion_tokens")
        cost = None
        if self.price is not None and prompt is not None and completion is not None:
            cost = self.price.cost(prompt, completion)
        model = document.get("model")
        name = model if isinstance(model, str) else self.model
        return Answer(text, latency, cost, prompt or 0, completion or 0, name)

    async def post(self, path: str, content: bytes) -> bytes:
        """Send a JSON body to a path below the address, and return that of a 200. Raises CallFailed."""
        url = f"{self._base_url}/{path}"
        try:
            async with self._open().post(
                url, data=content, headers=self._headers, allow_redirects=False
            ) as response:
                body = await _bounded(response)
                if response.status != 200:
                    raise failure_of_status(response.status, response.headers, body)
                return body
        except (aiohttp.ClientError, OSError) as error:
            raise failure_below_http(error) from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30.0),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                trust_env=False,
                auto_decompress=False,
            )
        return self._session


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for block in response.content.iter_any():
        body += block
        if len(body) > _MOST_BYTES:
            raise CallFailed("invalid_answer", f"the body is longer than {_MOST_BYTES} bytes")
    return bytes(body)


def _tokens(usage: Any, name: str) -> int | None:
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if isinstance(count, int) and count >= 0 else None


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username or parts.password or parts.query:
        raise EvalError("the base URL of a model must look like https://host/v1, without a name or key in it")
    return url.rstrip("/")


def _bearer(api_key: str | None) -> dict[str, str]:
    if not api_key:
        return {}
    if not (api_key.isascii() and api_key.isprintable()) or " " in api_key:
        raise EvalError("the API key holds characters that no key has: copy it again")
    return {"authorization": f"Bearer {api_key}"}
