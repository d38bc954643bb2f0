"""The one table from our errors to HTTP: status, code and a `application/problem+json` body (RFC 9457).

Bodies name fields and fixes. They never hold what a user sent.
"""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.responses import Response

from repartee.domain import errors

MEDIA_TYPE: Final = "application/problem+json"
_LONGEST_WAIT_SECONDS: Final = 86_400

STATUS_OF: Final[Mapping[type[errors.ReparteeError], HTTPStatus]] = {
    errors.InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.Unauthorized: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.ConfigurationError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.DeadlineExceeded: HTTPStatus.GATEWAY_TIMEOUT,
    errors.RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Refused: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.CircuitOpen: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.UpstreamUnreachable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.UpstreamTimeout: HTTPStatus.GATEWAY_TIMEOUT,
    errors.UpstreamRateLimited: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.UpstreamError: HTTPStatus.BAD_GATEWAY,
}


def status_of(error: errors.ReparteeError) -> HTTPStatus:
    """Return the status of the nearest class in the table; 503 where the upstream said when to come again."""
    if isinstance(error, errors.UpstreamUnavailable) and _retry_after(error) is not None:
        return HTTPStatus.SERVICE_UNAVAILABLE
    for kind in type(error).__mro__:
        if kind in STATUS_OF:
            return STATUS_OF[kind]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def problem(error: errors.ReparteeError, request_id: str) -> dict[str, Any]:
    """Return the problem document of an error."""
    status = status_of(error)
    document = _document(status, error.code, error.message, request_id)
    if isinstance(error, errors.InvalidInput):
        document["errors"] = [{"field": error.field, "message": error.message}]
    if isinstance(error, errors.UpstreamError):
        document["dependency"] = error.dependency
    if (wait := _retry_after(error)) is not None:
        document["retry_after"] = _whole_seconds(wait)
    return document


def problem_response(error: errors.ReparteeError, request_id: str) -> Response:
    """Return the HTTP answer of an error, with `Retry-After` where a time is known."""
    headers = {}
    if isinstance(error, errors.Unauthorized):
        headers["www-authenticate"] = "Bearer"
    if (wait := _retry_after(error)) is not None:
        headers["retry-after"] = str(_whole_seconds(wait))
    return _response(problem(error, request_id), headers)


def invalid_fields_response(fields: Sequence[Mapping[str, Any]], request_id: str) -> Response:
    """Return 422 for pydantic's error list. Only places and messages are taken from it, never input."""
    document = _document(
        HTTPStatus.UNPROCESSABLE_ENTITY, errors.InvalidInput.code, "the request is not valid", request_id
    )
    document["errors"] = [
        {
            "field": _place(field["loc"]) if field["loc"] else "",
            "message": str(field["msg"]).removeprefix("Value error, "),
        }
        for field in fields[:20]
    ]
    first = document["errors"][0]
    document["detail"] = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
    return _response(document, {})


def internal_problem(request_id: str) -> dict[str, Any]:
    """Return the problem document of a failure that is ours and was not foreseen."""
    return _document(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "an error of ours; it is in the log", request_id
    )


def internal_problem_response(request_id: str) -> Response:
    """Return 500."""
    return _response(internal_problem(request_id), {})


def plain_problem_response(
    status: HTTPStatus, code: str, detail: str, request_id: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a problem that is not one of our errors, such as an unknown path."""
    return _response(_document(status, code, detail, request_id), headers or {})


def _retry_after(error: errors.ReparteeError) -> float | None:
    known = isinstance(error, errors.Refused | errors.UpstreamError)
    return getattr(error, "retry_after", None) if known else None


def _whole_seconds(wait: float) -> int:
    return math.ceil(min(wait, _LONGEST_WAIT_SECONDS))


def _document(status: HTTPStatus, code: str, detail: str, request_id: str) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "code": code,
        "detail": detail,
        "request_id": request_id,
    }


def _response(document: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    return Response(
        orjson.dumps(document), status_code=document["status"], media_type=MEDIA_TYPE, headers=dict(headers)
    )


def _place(location: Sequence[Any]) -> str:
    """Return a dotted path. A key that the caller made up is cut short and made printable."""
    parts = [str(part) for part in location]
    if parts[0] == "character":
        parts = parts[:1] + parts[2:]  # without the tag that says how it was given
    return ".".join("".join(char for char in part[:40] if char.isprintable()) for part in parts)
