"""What an HTTP status, a body or a broken connection means for a call. No word of a body is ever quoted."""

import email.utils
import math
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
import orjson

from repartee_eval.runs.job import CallFailed
from repartee_eval.verdict_rows import Failure

_Meaning = tuple[Failure, str, bool]
_UNAVAILABLE: Final[_Meaning] = ("unavailable", "the server failed", True)
_OF_STATUS: Final[dict[int, _Meaning]] = {
    401: ("misconfigured", "check the API key", False),
    402: ("out_of_credits", "the account has no credits", False),
    403: ("misconfigured", "check the API key and its permissions", False),
    404: ("misconfigured", "check the base URL and the model name", False),
    408: ("timeout", "the server gave up waiting", True),
    425: _UNAVAILABLE,
    429: ("rate_limited", "too many requests", True),
}
_OF_HUNDREDS: Final[dict[int, _Meaning]] = {
    3: ("misconfigured", "redirects are not followed: set the final URL", False),
    4: ("refused", "it does not accept this request", False),
    5: _UNAVAILABLE,
}
_STATUS_OF_CODE: Final = {
    "context_length_exceeded": 400,
    "invalid_request_error": 400,
    "invalid_api_key": 401,
    "insufficient_quota": 402,
    "model_not_found": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "server_error": 500,
    "overloaded_error": 529,
}
_MODERATION: Final = frozenset({"content_filter", "content_policy_violation", "moderation_blocked"})


def failure_of_status(status: int, headers: Mapping[str, str], body: bytes = b"") -> CallFailed:
    """Return what an answer with this status means."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    error = document.get("error") if isinstance(document, dict) else None
    return _failure(status, error, retry_after_seconds(headers.get("retry-after")))


def failure_of_body(document: Any) -> CallFailed | None:
    """Return what is wrong with the JSON of a 200, None where it is a completion with something in it."""
    if isinstance(document, dict) and (error := document.get("error")):
        code = _code(error)
        status = int(code) if code.isdecimal() and len(code) == 3 else _STATUS_OF_CODE.get(code, 0)
        return _failure(status, error, None)
    try:
        choice = document["choices"][0]
        message, finish = choice["message"], choice.get("finish_reason")
        content = message.get("content")
    except (LookupError, TypeError, AttributeError):
        return CallFailed("invalid_answer", "the body is not a chat completion", retryable=True)
    if finish == "content_filter":
        return CallFailed("moderated", "the provider refused the content")
    if isinstance(message.get("refusal"), str) and not content:
        return CallFailed("moderated", "the model refused to answer")
    if finish == "length" and not content:
        return CallFailed("truncated", "the answer was cut off before its first word: raise max_tokens")
    if not isinstance(content, str) or not content.strip():
        return CallFailed("invalid_answer", "the completion has no text", retryable=True)
    return None


def failure_below_http(error: Exception) -> CallFailed:
    """Return what a failure of aiohttp, a socket or TLS means."""
    match error:
        case TimeoutError():
            return CallFailed("timeout", "no whole answer in time", retryable=True)
        case ssl.SSLError() | ssl.CertificateError() | aiohttp.ClientSSLError():
            return CallFailed("misconfigured", "no TLS connection that can be trusted: check the URL")
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return CallFailed("misconfigured", "the base URL is not usable")
        case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
            return CallFailed("invalid_answer", "the answer broke off or was garbled", retryable=True)
        case aiohttp.ClientConnectorDNSError():
            return CallFailed("unreachable", "the host name is unknown", retryable=True)
    return CallFailed("unreachable", "no connection, or it broke", retryable=True)


def retry_after_seconds(header: str | None) -> float | None:
    """Return the wait that `Retry-After` asks for (seconds or a date), None where it is unusable."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (email.utils.parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _failure(status: int, error: Any, retry_after: float | None) -> CallFailed:
    if _is_moderation(error):
        return CallFailed("moderated", "the provider refused the content")
    status = 402 if _code(error) == "insufficient_quota" else status
    reason, hint, retryable = (
        _OF_STATUS.get(status)
        or _OF_HUNDREDS.get(status // 100)
        or ("invalid_answer", "the server reported an error inside a 200", True)
    )
    said = f"{status}: {hint}" if status else hint
    limited = reason == "rate_limited"
    return CallFailed(reason, said, retryable=retryable, limited=limited, retry_after=retry_after)


def _code(error: Any) -> str:
    code = (error.get("code") or error.get("type")) if isinstance(error, dict) else None
    return str(code) if isinstance(code, str | int) else ""


def _is_moderation(error: Any) -> bool:
    metadata = error.get("metadata") if isinstance(error, dict) else None
    flagged = isinstance(metadata, dict) and ("flagged_input" in metadata or "reasons" in metadata)
    return flagged or _code(error) in _MODERATION
