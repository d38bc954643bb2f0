"""Reading a request's body: bounded, strict JSON, validated once."""

from typing import Final, TypeVar

import jiter
from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from repartee.application.deadline import TimeLimit
from repartee.domain.errors import InvalidInput

_BODY_SECONDS: Final = 10.0

Model = TypeVar("Model", bound=BaseModel)


class BodyTooLarge(InvalidInput):
    """More bytes than the operator allows."""

    code = "body_too_large"


class BodyTooSlow(InvalidInput):
    """The body did not arrive in time."""

    code = "body_too_slow"


async def read_body(request: Request, model: type[Model], max_bytes: int) -> Model:
    """Return the validated body. Raises InvalidInput or pydantic.ValidationError.

    Duplicate keys, NaN, Infinity, lone surrogates and very deep nesting are not accepted: each of
    them means something different to different readers.
    """
    body = await read_bytes(request, max_bytes)
    try:
        # "keys": jiter would keep short texts of users, too, for the life of the process
        value = jiter.from_json(body, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")
    except ValueError as error:
        raise InvalidInput(f"the body is not valid JSON: {_reason(error)}", field="body") from None
    return model.model_validate(value)


async def read_bytes(request: Request, max_bytes: int) -> bytes:
    """Return the body as it came. Raises BodyTooLarge or BodyTooSlow."""
    try:
        with TimeLimit(_BODY_SECONDS):
            return await _received(request.receive, max_bytes)
    except TimeoutError:
        raise BodyTooSlow(f"the body did not arrive within {_BODY_SECONDS:g} s", field="body") from None


async def _received(receive: Receive, max_bytes: int) -> bytes:
    body, more = await _part(receive)
    if more:
        parts = bytearray(body)
        while more and len(parts) <= max_bytes:
            body, more = await _part(receive)
            parts += body
        body = bytes(parts)
    if len(body) > max_bytes:
        raise BodyTooLarge(f"the body is larger than {max_bytes} bytes", field="body")
    return body


async def _part(receive: Receive) -> tuple[bytes, bool]:
    """Return the next bytes, and whether there will be more. Raises ClientDisconnect."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


def _reason(error: ValueError) -> str:
    """Return the parser's words without the key that a duplicate-key message quotes."""
    text = str(error)
    if "duplicate key" in text.lower() or "Detected duplicate" in text:
        return "an object has the same key twice"
    return text[:120]
