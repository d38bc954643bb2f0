"""What an upstream can do wrong. A fault answers one exchange; `named` finds one for a header or a script."""

import asyncio
import copy
import gzip
import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.loopback.wire import Exchange

Fault = Callable[[Exchange], Awaitable[None]]

SSE = "text/event-stream"


# --- any endpoint -------------------------------------------------------------------------------------


async def well(exchange: Exchange) -> None:
    """Nothing wrong: the answer as it should be."""
    if not exchange.streaming:
        await exchange.send(exchange.document)
        return
    await exchange.start(SSE)
    for event in exchange.events:
        await exchange.chunk(event)
    await exchange.chunk(b"")


async def hang(exchange: Exchange) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def drip(exchange: Exchange) -> None:
    """Send the answer one byte at a time, five in a second."""
    data = b"".join(exchange.events) if exchange.streaming else json.dumps(exchange.document).encode()
    await exchange.start(SSE if exchange.streaming else "application/json")
    for byte in data:
        await exchange.chunk(bytes([byte]))
        await asyncio.sleep(0.2)


async def heartbeats(exchange: Exchange) -> None:
    """Send signs of life for ever: comments on a stream, empty lines before a document."""
    await exchange.start(SSE if exchange.streaming else "application/json")
    while True:
        await exchange.chunk(b": OPENROUTER PROCESSING\n\n" if exchange.streaming else b"\n")
        await asyncio.sleep(0.05)


def status(code: int, retry_after: str | None = None, body: Any = None) -> Fault:
    """Answer with a status."""

    async def fault(exchange: Exchange) -> None:
        headers = {} if retry_after is None else {"retry-after": retry_after}
        await exchange.send(body or {"error": {"message": "no", "code": code}}, code, headers)

    return fault


def body(document: bytes | dict[str, Any], content_type: str = "application/json") -> Fault:
    """Answer 200 with this body, whatever was asked."""

    async def fault(exchange: Exchange) -> None:
        await exchange.send(document, headers={"content-type": content_type})

    return fault


html = body(b"<!doctype html><title>Sign in</title>", "text/html")


async def truncated_json(exchange: Exchange) -> None:
    """Answer with half of the document, framed as if it were all."""
    data = json.dumps(exchange.document).encode()
    await exchange.send(data[: len(data) // 2])


async def long_content_length(exchange: Exchange) -> None:
    """Promise more bytes than are sent, then close."""
    data = json.dumps(exchange.document).encode()
    await exchange.send(data, headers={"content-length": str(len(data) + 10)})
    exchange.close()


async def garbled(exchange: Exchange) -> None:
    """Break the chunked framing."""
    await exchange.start()
    await exchange.raw(b"this is no chunk size\r\n")
    exchange.close()


async def not_http(exchange: Exchange) -> None:
    """Speak another protocol."""
    await exchange.raw(b"+OK POP3 ready\r\n\r\n")
    exchange.close()


async def reset(exchange: Exchange) -> None:
    """Tear the connection down before an answer."""
    exchange.reset()


def redirect(url: str) -> Fault:
    """Send the client elsewhere."""

    async def fault(exchange: Exchange) -> None:
        await exchange.send(b"", 307, {"location": url})

    return fault


def gzip_bomb(code: int = 200, mebibytes: int = 32) -> Fault:
    """Answer with few bytes that unpack to many."""
    data = gzip.compress(b" " * (mebibytes * 2**20))

    async def fault(exchange: Exchange) -> None:
        await exchange.send(data, code, {"content-encoding": "gzip"})

    return fault


def huge(code: int = 200, mebibytes: int = 8) -> Fault:
    """Answer with more bytes than anyone should read."""

    async def fault(exchange: Exchange) -> None:
        await exchange.promise(mebibytes * 2**20, code)
        for _ in range(mebibytes * 16):
            await exchange.raw(b" " * 2**16)

    return fault


def edited(edit: Callable[[dict[str, Any]], None]) -> Fault:
    """Answer with the right document after `edit` has been at it."""

    async def fault(exchange: Exchange) -> None:
        document = copy.deepcopy(exchange.document)
        edit(document)
        await exchange.send(document)

    return fault


def after(seconds: float) -> Fault:
    """Answer well, but late."""

    async def fault(exchange: Exchange) -> None:
        await asyncio.sleep(seconds)
        await well(exchange)

    return fault


def slots(count: int, seconds: float) -> Fault:
    """Answer well, so many requests at a time and so many seconds each: the others wait, in order."""
    free = asyncio.Semaphore(count)

    async def fault(exchange: Exchange) -> None:
        async with free:
            await asyncio.sleep(seconds)
        await well(exchange)

    return fault


# --- chat ---------------------------------------------------------------------------------------------


def finish(reason: str | None) -> Fault:
    """End the reply for this reason, as a document or as a stream."""

    async def fault(exchange: Exchange) -> None:
        exchange.document["choices"][0]["finish_reason"] = reason
        exchange.events = [
            event.replace(b'"finish_reason": "stop"', b'"finish_reason": ' + json.dumps(reason).encode())
            for event in exchange.events
        ]
        await well(exchange)

    return fault


def content(value: Any) -> Fault:
    """Answer with this as the message's content."""
    return edited(lambda document: document["choices"][0]["message"].update(content=value))


def say(text: str) -> Fault:
    """Reply with this text, whole or streamed; other endpoints than the chat answer well."""
    piece = json.dumps({"content": text}).encode()

    async def fault(exchange: Exchange) -> None:
        if "choices" not in exchange.document:
            await well(exchange)
            return
        exchange.document["choices"][0]["message"]["content"] = text
        if exchange.streaming:
            end = next(at for at, event in enumerate(exchange.events) if b'"finish_reason": "stop"' in event)
            said = exchange.events[1].replace(b'{"role": "assistant", "content": ""}', piece)
            exchange.events = [*exchange.events[:2], said, *exchange.events[end:]]
        await well(exchange)

    return fault


def stream_then(count: int, end: Fault) -> Fault:
    """Stream `count` events as they should be, then `end`."""

    async def fault(exchange: Exchange) -> None:
        await exchange.start(SSE)
        for event in exchange.events[:count]:
            await exchange.chunk(event)
        await asyncio.sleep(0.02)  # let the client read what came before the fault
        await end(exchange)

    return fault


async def end_cleanly(exchange: Exchange) -> None:
    """End the stream in good order, in the middle of the reply."""
    await exchange.chunk(b"")


async def reset_mid_chunk(exchange: Exchange) -> None:
    """Reset the connection within a chunk."""
    await exchange.raw(b"400\r\ndata: {")
    await asyncio.sleep(0.02)
    exchange.reset()


def event(data: bytes) -> Fault:
    """Send one event with this data, then go on as if nothing had been."""

    async def fault(exchange: Exchange) -> None:
        await exchange.chunk(b"data: " + data + b"\n\n")
        for rest in exchange.events[-2:]:
            await exchange.chunk(rest)
        await exchange.chunk(b"")

    return fault


error_event = event(b'{"error": {"code": 502, "message": "provider went away"}, "choices": []}')
bad_json_event = event(b'{"choices": [{"delta": {"content": "never')


async def json_instead(exchange: Exchange) -> None:
    """Answer with a whole document where a stream was asked for."""
    await exchange.send(exchange.document)


# --- embeddings ---------------------------------------------------------------------------------------


def _vectors(document: dict[str, Any]) -> list[list[Any]]:
    if "data" in document:
        return [row["embedding"] for row in document["data"]]
    rows: list[list[Any]] = document["embeddings"]["float"]
    return rows


def first_value(value: Any) -> Fault:
    """Put `value` into the first vector."""

    def edit(document: dict[str, Any]) -> None:
        _vectors(document)[0][0] = value

    return edited(edit)


not_a_number = first_value(float("nan"))
longer_vectors = edited(lambda document: [vector.append(0.5) for vector in _vectors(document)] and None)
zero_vectors = edited(lambda document: [vector.__imul__(0) for vector in _vectors(document)] and None)


async def short_list(exchange: Exchange) -> None:
    """Leave the last answer of a list out."""
    rows = exchange.document.get("data") or exchange.document.get("results")
    (rows or exchange.document["embeddings"]["float"]).pop()
    await exchange.send(exchange.document)


# --- by name ------------------------------------------------------------------------------------------

_NAMED: dict[str, Callable[..., Fault]] = {
    "ok": lambda: well,
    "hang": lambda: hang,
    "drip": lambda: drip,
    "heartbeats": lambda: heartbeats,
    "status": lambda code, retry_after=None: status(int(code), retry_after),
    "html": lambda: html,
    "truncated-json": lambda: truncated_json,
    "long-content-length": lambda: long_content_length,
    "error-in-200": lambda code: body({"error": {"code": int(code), "message": "no"}}),
    "content": content,
    "say": lambda *parts: say(",".join(parts)),
    "finish": finish,
    "gzip-bomb": gzip_bomb,
    "redirect": redirect,
    "after": lambda seconds: after(float(seconds)),
    "slots": lambda count, seconds: slots(int(count), float(seconds)),
    "stream-error": lambda count="3": stream_then(int(count), error_event),
    "stream-cut": lambda count="3": stream_then(int(count), end_cleanly),
    "stream-reset": lambda count="3": stream_then(int(count), reset_mid_chunk),
    "stream-bad-json": lambda count="3": stream_then(int(count), bad_json_event),
    "stream-hang": lambda count="3": stream_then(int(count), hang),
    "json-instead": lambda: json_instead,
    "not-a-number": lambda: not_a_number,
    "longer-vectors": lambda: longer_vectors,
    "short-list": lambda: short_list,
}


def named(spec: str) -> Fault:
    """Return the fault that `spec` names: `hang`, or with arguments `status=429,7`."""
    name, _, arguments = spec.partition("=")
    return _NAMED[name](*(arguments.split(",") if arguments else ()))
