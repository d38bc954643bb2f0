"""`ChatModel` over the OpenAI chat completions API: OpenRouter, OpenAI and every server that speaks it.

The vendor's client lists the models. Chat goes through aiohttp alone: the client's `create()` spends
milliseconds on the list of messages, and its `post` four times what the call costs here. What comes back is
bounded, and read strictly in `openai_completion`.
"""

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from dataclasses import replace
from itertools import repeat
from types import TracebackType
from typing import Any, Final

import aiohttp
import httpx2
import openai
import orjson
from openai import AsyncOpenAI, DefaultAioHttpClient, Omit

from repartee.application.ports import ChatModel, Completion, Prompt, PromptMessage, Sampling
from repartee.domain.errors import (
    UpstreamError,
    UpstreamInvalid,
    UpstreamMisconfigured,
    UpstreamModerated,
    UpstreamRefusedRequest,
    UpstreamUnavailable,
)
from repartee.integrations.chat_http import ChatHttp, Patience
from repartee.integrations.openai_completion import CompletionReader, parse_completion
from repartee.integrations.transport import (
    KEEP_ALIVE_SECONDS,
    UnknownModel,
    Upstream,
    bearer,
    bounded_body,
    checked_base_url,
    error_for_failure,
    error_for_status,
    parsed_json,
    refuse_encoding,
    whole_body,
)

_CHECK_SECONDS: Final = 5.0
_LINGER_SECONDS: Final = 0.1
_MAX_ERROR_BYTES: Final = 65_536
_SENT_AS_THEY_ARE: Final = ("temperature", "top_p", "max_tokens", "presence_penalty", "frequency_penalty")
_STREAMED: Final = {"X-Stainless-Raw-Response": "stream"}  # the vendor's switch: hand out the body unread


class OpenAIChatModel(ChatModel):
    """A model behind an OpenAI-compatible server. Without `model` the server's first one is used.

    Where a request names no model of its own, `fallbacks` are asked in turn after a failure that another
    model may mend; the reply says which one answered.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        model: str | None,
        upstream: Upstream,
        connect_timeout: float,
        attempt_timeout: float,
        fallbacks: Sequence[str] = (),
    ) -> None:
        self._upstream = upstream
        self._fallbacks = tuple(fallbacks)
        self._dependency = upstream.dependency
        self._model = model
        self._first_model: str | None = None
        self._schemaless: set[str | None] = set()
        self._attempt_timeout = attempt_timeout
        headers = bearer(self._dependency, api_key or "none")
        url = checked_base_url(self._dependency, base_url)
        self._chat = ChatHttp(self._dependency, f"{url}/chat/completions", headers, connect_timeout)
        self._client = _Client(
            base_url=url,
            api_key=api_key or "none",
            max_retries=0,
            http_client=DefaultAioHttpClient(
                follow_redirects=False,
                trust_env=False,
                verify=ssl.create_default_context(),  # with SSL_CERT_FILE, which the client would ignore here
                timeout=httpx2.Timeout(attempt_timeout, connect=connect_timeout, pool=connect_timeout),
                limits=httpx2.Limits(max_connections=1_000, keepalive_expiry=KEEP_ALIVE_SECONDS),
                event_hooks={"response": [self._bound]},
            ),
        )

    @property
    def name(self) -> str:
        """The configured model."""
        return self._model or "(first model of the server)"

    async def complete(self, prompt: Prompt, sampling: Sampling) -> Completion:
        """Return the whole answer. Raises UpstreamError."""
        if sampling.response_schema is None or (sampling.model or self._model) in self._schemaless:
            return await self._asked(prompt, _freely(sampling))
        return await self._held_to_schema(prompt, sampling)

    async def _held_to_schema(self, prompt: Prompt, sampling: Sampling) -> Completion:
        """Ask with the schema, and without it where the server refuses that; it is not asked so again."""
        try:
            return await self._upstream.call(lambda: self._completed(prompt, sampling))
        except UpstreamRefusedRequest:
            completion = await self._asked(prompt, _freely(sampling))
        self._schemaless.add(sampling.model or self._model)
        return completion

    async def _asked(self, prompt: Prompt, sampling: Sampling) -> Completion:
        turns = self._turns(sampling)
        return await self._upstream.call(
            lambda: self._completed(prompt, next(turns)), self._fallbacks_of(sampling)
        )

    def _fallbacks_of(self, sampling: Sampling) -> int:
        return 0 if sampling.model else len(self._fallbacks)

    def _turns(self, sampling: Sampling) -> Iterator[Sampling]:
        """Yield what each attempt asks for: the same again, or the fallbacks in turn."""
        yield sampling
        if self._fallbacks_of(sampling):
            yield from (replace(sampling, model=model) for model in self._fallbacks)
        yield from repeat(sampling)

    def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[str | Completion, None]:
        """Yield the answer in pieces, then whole. Raises UpstreamError; closing it closes the connection."""
        turns = self._turns(sampling)
        return self._upstream.stream(
            lambda: self._streamed(prompt, next(turns)), self._attempt_timeout, self._fallbacks_of(sampling)
        )

    async def check(self) -> None:
        """List the models. Where a model is named, a server without such a list is reachable all the same."""
        async with self._translated(min(_CHECK_SECONDS, self._attempt_timeout)):
            try:
                async with self._get_models():
                    return
            except openai.APIStatusError as error:
                if self._model is None or error.status_code not in {404, 405}:
                    raise

    async def close(self) -> None:
        """Close the connections."""
        await self._chat.close()
        await self._client.close()

    async def _completed(self, prompt: Prompt, sampling: Sampling) -> Completion:
        async with self._translated(self._attempt_timeout):
            model = sampling.model or self._model or await self._model_for(sampling)
            response = await self._chat.answer(_request(model, prompt, sampling))
            try:
                body = await whole_body(self._dependency, response)
            finally:
                response.release()  # closes the connection where the body was not read to its end
        return parse_completion(body, self._dependency, model)

    async def _streamed(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[str | Completion, None]:
        async with self._translated():
            model = await self._model_for(sampling)
            reader = CompletionReader(self._dependency, model)
            async with self._chat.post(_request(model, prompt, sampling, stream=True)) as response:
                with Patience(response.content, self._attempt_timeout) as body:
                    while not reader.done and (chunk := await body.next()):
                        if pieces := reader.feed(chunk):
                            yield "".join(pieces)
                for rest in reader.end():
                    yield rest
                await self._read_to_end(response.content.iter_any())

    async def _read_to_end(self, chunks: AsyncIterator[bytes]) -> None:
        """Give the server a moment to end its answer, so that the connection can be used again."""
        with suppress(UpstreamError):
            async with self._translated(_LINGER_SECONDS):
                async for _ in chunks:
                    pass

    async def _model_for(self, sampling: Sampling) -> str:
        return sampling.model or self._model or self._first_model or await self._ask_for_models()

    async def _ask_for_models(self) -> str:
        async with self._get_models() as chunks:
            answer = parsed_json(self._dependency, await bounded_body(self._dependency, chunks))
        models = answer.get("data") if isinstance(answer, dict) else None
        listed = models[0] if isinstance(models, list) and models else None
        first = listed.get("id") if isinstance(listed, dict) else None
        if not isinstance(first, str) or not first:
            raise UpstreamMisconfigured(
                f"{self._dependency} lists no models: set REPARTEE_LLM__MODEL", self._dependency
            )
        self._first_model = first
        return first

    @asynccontextmanager
    async def _get_models(self) -> AsyncIterator[AsyncIterator[bytes]]:
        response = await self._client.get("/models", cast_to=httpx2.Response, options={"headers": _STREAMED})
        async with _raw_chunks(response) as chunks:
            yield chunks

    async def _bound(self, response: httpx2.Response) -> None:
        """Keep a hostile body out of memory: the client reads the body of an error whole, and unpacks it."""
        if response.is_success:
            refuse_encoding(self._dependency, response.headers)
            return
        response.headers.pop("content-encoding", None)
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _FirstBytes(response.stream)

    def _translated(self, seconds: float | None = None) -> AbstractAsyncContextManager[None]:
        return _Translation(self._upstream.translated(seconds), self._dependency, self._forget_first_model)

    def _forget_first_model(self) -> None:
        """Ask again: the server may have been started again with another model."""
        self._first_model = None


_VENDOR_ERRORS: Final = (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError)


class _Translation(AbstractAsyncContextManager[None]):
    """What the transport translates, and the errors of the vendor's client besides."""

    __slots__ = ("_dependency", "_inner", "_on_misconfigured")

    def __init__(
        self, inner: AbstractAsyncContextManager[None], dependency: str, on_misconfigured: Callable[[], None]
    ) -> None:
        self._inner = inner
        self._dependency = dependency
        self._on_misconfigured = on_misconfigured

    async def __aenter__(self) -> None:
        await self._inner.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self._inner.__aexit__(kind, error, traceback)
        except UpstreamMisconfigured:
            self._on_misconfigured()
            raise
        if isinstance(error, UpstreamMisconfigured):
            self._on_misconfigured()
        elif isinstance(error, _VENDOR_ERRORS):
            raise translated_openai_error(error, self._dependency) from None


class _Client(AsyncOpenAI):
    """The vendor's client with exactly these headers: no ambient `OPENAI_*` variable changes a request."""

    @property
    def default_headers(self) -> dict[str, str | Omit]:
        return {
            "accept": "application/json",
            "accept-encoding": "identity",
            "content-type": "application/json",
            "user-agent": "repartee",
        }


class _FirstBytes(httpx2.AsyncByteStream):
    """The first 64 KiB of a stream."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            yield chunk[: _MAX_ERROR_BYTES - size]
            size += len(chunk)
            if size >= _MAX_ERROR_BYTES:
                return

    async def aclose(self) -> None:
        await self._stream.aclose()


@asynccontextmanager
async def _raw_chunks(response: httpx2.Response) -> AsyncIterator[AsyncIterator[bytes]]:
    try:
        async with aclosing(response.aiter_raw()) as chunks:
            yield chunks
    finally:
        await response.aclose()


def _freely(sampling: Sampling) -> Sampling:
    return replace(sampling, response_schema=None) if sampling.response_schema else sampling


def _request(model: str, prompt: Prompt, sampling: Sampling, *, stream: bool = False) -> bytes:
    chosen = {name: value for name in _SENT_AS_THEY_ARE if (value := getattr(sampling, name)) is not None}
    body: dict[str, Any] = {"model": model, "messages": [*map(_sent, prompt.messages)], **chosen}
    if sampling.seed is not None:
        body["seed"] = sampling.seed + sampling.choice
    if sampling.stop:
        body["stop"] = sampling.stop
    if wanted := sampling.response_schema:
        schema = {"name": wanted.name, "strict": True, "schema": wanted.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return orjson.dumps(body)


def _sent(message: PromptMessage) -> dict[str, Any]:
    if not message.name and not message.cache_until:
        return {"role": message.role, "content": message.content}
    named = {"name": message.name} if message.name else {}
    return {"role": message.role, "content": _content(message), **named}


def _content(message: PromptMessage) -> str | list[dict[str, Any]]:
    """Return the text, in parts where the server is to be told what comes again (`cache_control`)."""
    if not message.cache_until:
        return message.content
    known, rest = message.content[: message.cache_until], message.content[message.cache_until :]
    marked = {"type": "text", "text": known, "cache_control": {"type": "ephemeral"}}
    return [marked, *([{"type": "text", "text": rest}] if rest else [])]


# --- errors of the vendor's client --------------------------------------------------------------------


def _of_status(error: Any, dependency: str) -> UpstreamError:
    meant = error_for_status(dependency, error.status_code, error.response.headers, detail=error.body)
    unknown = error.status_code == 404 and isinstance(meant, UpstreamMisconfigured)
    return UnknownModel(meant.message, dependency) if unknown else meant


def _of_connection(error: BaseException, dependency: str) -> UpstreamError:
    """Judge by what aiohttp said: the vendor's transport calls a refused connection a time-out."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, aiohttp.ClientError | OSError):
            return error_for_failure(dependency, cause)
        cause = cause.__cause__
    timed_out = isinstance(error, openai.APITimeoutError | httpx2.TimeoutException)
    return error_for_failure(dependency, TimeoutError() if timed_out else ConnectionError())


def _as(kind: type[UpstreamError], what: str) -> Callable[[Any, str], UpstreamError]:
    return lambda _error, dependency: kind(f"{dependency} {what}", dependency)


_MEANING: Final[dict[type[Exception], Callable[[Any, str], UpstreamError]]] = {
    openai.APIStatusError: _of_status,
    openai.APIConnectionError: _of_connection,
    openai.APIResponseValidationError: _as(UpstreamInvalid, "answered something else than was asked for"),
    openai.APIError: _as(UpstreamInvalid, "reported an error inside its answer"),
    openai.LengthFinishReasonError: _as(UpstreamInvalid, "was cut off by a limit"),
    openai.ContentFilterFinishReasonError: _as(UpstreamModerated, "refused the content"),
    openai.WebSocketConnectionClosedError: _of_connection,
    openai.WebSocketQueueFullError: _as(UpstreamUnavailable, "takes no more messages"),
    httpx2.UnsupportedProtocol: _as(UpstreamMisconfigured, "has no usable URL"),
    httpx2.InvalidURL: _as(UpstreamMisconfigured, "has no usable URL"),
    httpx2.RequestError: _of_connection,
}


def translated_openai_error(error: Exception, dependency: str) -> UpstreamError:
    """Return what an error of the openai package, or of httpx2 below it, means."""
    for kind in type(error).__mro__:
        if kind in _MEANING:
            return _MEANING[kind](error, dependency)
    return UpstreamInvalid(f"{dependency}'s client failed ({type(error).__name__})", dependency)
