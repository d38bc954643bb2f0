"""Errors as OpenAI's clients read them: `{"error": {"message", "type", "param", "code"}}`.

They are made from our problem documents, so that whatever can fail has a meaning here too, and the same code.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.responses import Response

DOOR: Final = "/v1"
_STATUS_HERE: Final[Mapping[str, HTTPStatus]] = {
    "invalid_input": HTTPStatus.BAD_REQUEST,
    "upstream_rate_limited": HTTPStatus.TOO_MANY_REQUESTS,
}
_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}
_PARAMS: Final[Mapping[str, str]] = {"model_not_found": "model"}
_KEPT_HEADERS: Final = ("retry-after", "www-authenticate", "allow")


def spoken_at(path: str, response: Response) -> Response:
    """Return a problem answer in the form that clients of the path read."""
    if not path.startswith(f"{DOOR}/"):
        return response
    problem = orjson.loads(response.body)
    kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    return Response(
        orjson.dumps({"error": error_of(problem)}),
        status_code=_status(problem),
        headers=kept,
        media_type="application/json",
    )


def error_of(problem: Mapping[str, Any]) -> dict[str, Any]:
    """Return the error that a problem document describes."""
    status = _status(problem)
    fields = problem.get("errors") or [{"field": _PARAMS.get(problem["code"])}]
    return {
        "message": problem["detail"],
        "type": _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error"),
        "param": fields[0].get("field") or None,
        "code": problem["code"],
    }


def _status(problem: Mapping[str, Any]) -> int:
    return int(_STATUS_HERE.get(problem["code"], problem["status"]))
