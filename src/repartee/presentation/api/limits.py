"""What one request may take."""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from repartee.application.deadline import deadline_in
from repartee.presentation.api.admission import Places
from repartee.presentation.api.disconnect import ClientLeft, unless_client_leaves
from repartee.presentation.api.openapi import json_answer


@dataclass(frozen=True, slots=True)
class Limits:
    """`deadline_seconds` holds for all that may call a dependency, `places` for all requests at once."""

    max_body_bytes: int
    deadline_seconds: float
    places: Places = field(default_factory=Places)


async def answered(request: Request, work: Coroutine[Any, Any, BaseModel], limits: Limits) -> Response:
    """Return the result within the deadline; a client that leaves ends the work."""

    async def in_time() -> BaseModel:
        async with deadline_in(limits.deadline_seconds):
            return await work

    try:
        return json_answer(await unless_client_leaves(request, in_time()))
    except ClientLeft:
        return Response(status_code=499)
