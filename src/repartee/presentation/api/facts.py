"""`/users/{user_id}/facts`: what is remembered about one user; `/facts/stats`: how much in all."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from repartee.application.add_facts import AddFacts, AddFactsRequest, FactList
from repartee.application.delete_facts import Deleted, DeleteFacts
from repartee.application.edit_fact import EditFact, EditFactRequest
from repartee.application.fact_stats import FactCounts, FactStats
from repartee.application.list_facts import FactListPage, ListFacts
from repartee.application.retrieve_facts import Question
from repartee.application.search_facts import CandidateList, SearchFacts
from repartee.domain.fact import Fact, TenantScope
from repartee.presentation.api.body import read_body
from repartee.presentation.api.limits import Limits, answered
from repartee.presentation.api.openapi import EXAMPLES, answer, body_of, problems
from repartee.presentation.services import Services

UserId = Annotated[str, Path(description="Whose facts.", examples=["maya"])]
FactId = Annotated[str, Path(description="The fact's id.", max_length=64)]


def facts_router(services: Services, limits: Limits) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/users/{user_id}/facts", tags=["facts"])

    @router.post(
        "",
        summary="Remember facts",
        description=AddFacts.__doc__ or "",
        responses={**answer(FactList, EXAMPLES["facts_added"]), **problems(404, 413, 422, 502, 503, 504)},
        openapi_extra=body_of(AddFactsRequest, EXAMPLES["add_facts"]),
    )
    async def add_facts(request: Request, user_id: UserId) -> Response:
        scope = TenantScope(user_id)
        body = await read_body(request, AddFactsRequest, limits.max_body_bytes)
        return await answered(request, services.add_facts(scope, body.facts), limits)

    @router.get(
        "",
        summary="List facts",
        description=ListFacts.__doc__ or "",
        responses={**answer(FactListPage, EXAMPLES["facts_page"]), **problems(422, 502, 503, 504)},
    )
    async def list_facts(
        request: Request,
        user_id: UserId,
        after: Annotated[str | None, Query(max_length=64, description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        superseded: Annotated[bool, Query(description="Also those that no longer hold.")] = False,
    ) -> Response:
        page = services.list_facts(TenantScope(user_id), after, limit, superseded=superseded)
        return await answered(request, page, limits)

    @router.get(
        "/search",
        summary="See what a message would retrieve",
        description=SearchFacts.__doc__ or "",
        responses={**answer(CandidateList, EXAMPLES["candidates"]), **problems(422, 502, 503, 504)},
    )
    async def search_facts(
        request: Request,
        user_id: UserId,
        q: Annotated[str, Query(min_length=1, max_length=2_000, description="The message.")],
        limit: Annotated[int, Query(ge=1, le=100, description="How many candidates to show.")] = 10,
        use: Annotated[int, Query(ge=1, le=50, description="How many a reply may use.")] = 3,
        threshold: Annotated[float | None, Query(ge=-1, le=1)] = None,
        character: Annotated[
            str | None, Query(max_length=128, description="Who will answer: others' own facts are hidden.")
        ] = None,
        before: Annotated[
            tuple[Annotated[str, Query(max_length=2_000)], ...],
            Query(max_length=8, description="The turns before the message, newest first."),
        ] = (),
    ) -> Response:
        question = Question(q, before, character)
        found = services.search_facts(TenantScope(user_id), question, limit, use, threshold)
        return await answered(request, found, limits)

    @router.patch(
        "/{fact_id}",
        summary="Correct a fact",
        description=EditFact.__doc__ or "",
        responses={**answer(Fact, EXAMPLES["fact"]), **problems(404, 409, 413, 422, 502, 503, 504)},
        openapi_extra=body_of(EditFactRequest, EXAMPLES["edit_fact"]),
    )
    async def edit_fact(request: Request, user_id: UserId, fact_id: FactId) -> Response:
        scope = TenantScope(user_id)
        body = await read_body(request, EditFactRequest, limits.max_body_bytes)
        return await answered(request, services.edit_fact(scope, fact_id, body), limits)

    @router.delete(
        "/{fact_id}",
        summary="Forget a fact",
        description="Forget one fact; afterwards it is not found.",
        responses={**answer(Deleted, {"deleted": 1}), **problems(404, 422, 502, 503, 504)},
    )
    async def delete_fact(request: Request, user_id: UserId, fact_id: FactId) -> Response:
        return await answered(request, services.delete_facts.one(TenantScope(user_id), fact_id), limits)

    @router.delete(
        "",
        summary="Forget everything about a user",
        description=DeleteFacts.__doc__ or "",
        responses={**answer(Deleted, {"deleted": 120}), **problems(422, 502, 503, 504)},
    )
    async def delete_facts(request: Request, user_id: UserId) -> Response:
        return await answered(request, services.delete_facts(TenantScope(user_id)), limits)

    return router


def fact_stats_router(services: Services, limits: Limits) -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["operations"])

    @router.get(
        "/facts/stats",
        summary="Count facts and users",
        description=FactStats.__doc__ or "",
        responses={**answer(FactCounts, EXAMPLES["fact_counts"]), **problems(502, 503, 504)},
    )
    async def fact_stats(request: Request) -> Response:
        return await answered(request, services.fact_stats(), limits)

    return router
