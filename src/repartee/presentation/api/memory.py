"""`/users/{user_id}/facts/extract` and `/digest`: questions about a whole chat, off the reply path."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from repartee.application.digest_dialogue import Digest, DigestDialogue, DigestRequest
from repartee.application.extract_facts import ExtractFacts
from repartee.application.extraction import Extraction, ExtractRequest
from repartee.domain.fact import TenantScope
from repartee.presentation.api.body import read_body
from repartee.presentation.api.limits import Limits, answered
from repartee.presentation.api.openapi import EXAMPLES, answer, body_of, problems
from repartee.presentation.api.own_user import own_user
from repartee.presentation.services import Services


def memory_router(services: Services, limits: Limits) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.post(
        "/users/{user_id}/facts/extract",
        tags=["facts"],
        summary="Find facts in a chat",
        description=ExtractFacts.__doc__ or "",
        responses={**answer(Extraction, EXAMPLES["extraction"]), **problems(404, 413, 422, 502, 503, 504)},
        openapi_extra=body_of(ExtractRequest, EXAMPLES["extract"]),
    )
    async def extract_facts(
        request: Request,
        user_id: Annotated[str, Path(description="Whose facts.", examples=["maya"])],
        commit: Annotated[bool, Query(description="Store what is proposed.")] = False,
    ) -> Response:
        scope = TenantScope(user_id)
        body = await read_body(request, ExtractRequest, limits.max_body_bytes)
        return await answered(request, services.extract_facts(scope, body, commit=commit), limits)

    @router.post(
        "/digest",
        tags=["replies"],
        summary="Sum up old history",
        description=DigestDialogue.__doc__ or "",
        responses={**answer(Digest, EXAMPLES["digest_made"]), **problems(404, 413, 422, 502, 503, 504)},
        openapi_extra=body_of(DigestRequest, EXAMPLES["digest"]),
    )
    async def digest(request: Request) -> Response:
        body = await read_body(request, DigestRequest, limits.max_body_bytes)
        own_user(request, body.user.id, "user.id")
        return await answered(request, services.digest_dialogue(body), limits)

    return router
