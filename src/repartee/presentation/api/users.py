"""`/users/{user_id}`: everything that is stored about one user."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from repartee.application.erase_user import Erased, EraseUser
from repartee.application.export_user import ExportUser
from repartee.domain.fact import TenantScope
from repartee.presentation.api.disconnect import EventStream, Write
from repartee.presentation.api.errors import problem_response
from repartee.presentation.api.openapi import EXAMPLES, answer, json_answer, problems
from repartee.presentation.ndjson import MEDIA_TYPE, line_of
from repartee.presentation.services import Services

UserId = Annotated[str, Path(description="Who.", examples=["maya"])]


class _Lines(EventStream):
    """Rows as they are read. One that fails breaks the connection off, so that nobody takes it for whole."""

    media_type = MEDIA_TYPE


def users_router(services: Services) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/users/{user_id}", tags=["users"])

    @router.get(
        "/export",
        summary="Read out everything about a user",
        description=ExportUser.__doc__ or "",
        response_class=Response,
        responses={
            200: {
                "description": "JSON Lines: one `user`, then `fact`s, then `event`s.",
                "content": {MEDIA_TYPE: {"example": EXAMPLES["user_export"]}},
            },
            **problems(422, 502, 503, 504),
        },
    )
    async def export_user(request: Request, user_id: UserId) -> Response:
        request_id: str = request.state.request_id
        rows = services.export_user(TenantScope(user_id))
        return _Lines(partial(_write_lines, rows), lambda error: problem_response(error, request_id))

    @router.delete(
        "",
        summary="Erase everything about a user",
        description=EraseUser.__doc__ or "",
        responses={**answer(Erased, EXAMPLES["erased"]), **problems(409, 422, 502, 503, 504)},
    )
    async def erase_user(user_id: UserId) -> Response:
        """Without a deadline, and a client that leaves does not end it: half an erasure helps nobody."""
        return json_answer(await services.erase_user(TenantScope(user_id)))

    return router


async def _write_lines(rows: AsyncGenerator[Mapping[str, Any], None], write: Write) -> None:
    async with aclosing(rows):
        async for row in rows:
            await write(line_of(row))
