"""Replies from an OpenAI-compatible server: vLLM, `transformers serve`, llama.cpp."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from repartee_eval.runs.http_failures import failure_below_http, failure_of_status
from repartee_tune.gates.responder import Message, Reply, ResponderError


@dataclass(frozen=True, slots=True)
class HttpResponder:
    """One model of one server. `seconds` bounds one reply."""

    session: aiohttp.ClientSession
    url: str
    model: str
    max_tokens: int
    temperature: float
    seconds: float = 120.0

    async def reply(self, messages: Sequence[Message]) -> Reply:
        """Answer. Raises ResponderError; its message holds no text of the prompt or the reply."""
        body = {
            "model": self.model,
            "messages": list(messages),
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
        }
        try:
            async with asyncio.timeout(self.seconds):
                async with self.session.post(f"{self.url}/chat/completions", json=body) as response:
                    if response.status != 200:
                        failure = failure_of_status(response.status, response.headers, await response.read())
                        raise ResponderError(f"{self.url} answered with status {failure}", failure)
                    return _parsed(await response.json(content_type=None))
        except (aiohttp.ClientError, TimeoutError) as error:
            failure = failure_below_http(error)
            raise ResponderError(f"{self.url}: {failure}", failure) from None
        except ValueError as error:
            raise ResponderError(f"{self.url}: {type(error).__name__}") from None


@asynccontextmanager
async def http_session(api_key: str | None) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session; the key goes into its header and nowhere else."""
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield session


def _parsed(content: Any) -> Reply:
    try:
        choice = content["choices"][0]
        text, reason = choice["message"]["content"], choice["finish_reason"]
    except (KeyError, IndexError, TypeError):
        raise ResponderError("the answer is no chat completion") from None
    if text is not None and not isinstance(text, str):
        raise ResponderError("the answer's content is no text")
    return Reply(text or "", "length" if reason == "length" else "stop")
