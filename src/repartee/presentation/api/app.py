"""The HTTP application, put together from the use cases."""

from collections.abc import Mapping
from http import HTTPStatus
from importlib.metadata import version
from itertools import chain
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from repartee.domain.errors import ReparteeError
from repartee.presentation.api.body import BodyTooLarge, BodyTooSlow
from repartee.presentation.api.busy_routes import BusyRoutes, routes_at
from repartee.presentation.api.characters import characters_router
from repartee.presentation.api.door import Door
from repartee.presentation.api.errors import (
    invalid_fields_response,
    plain_problem_response,
    problem_response,
)
from repartee.presentation.api.facts import fact_stats_router, facts_router
from repartee.presentation.api.feedback import feedback_router
from repartee.presentation.api.generate import generate_router
from repartee.presentation.api.health import health_router
from repartee.presentation.api.limits import Limits
from repartee.presentation.api.memory import memory_router
from repartee.presentation.api.openai_door.errors import spoken_at
from repartee.presentation.api.openai_door.routes import openai_router
from repartee.presentation.api.openapi import describe
from repartee.presentation.api.origins import allow_origins
from repartee.presentation.api.page import page_files, page_paths, page_router
from repartee.presentation.api.requests import Rates, RequestScope, RequestTelemetry
from repartee.presentation.api.users import users_router
from repartee.presentation.services import Services

_STATUS_OF_BODY: Final[Mapping[type[ReparteeError], HTTPStatus]] = {
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    BodyTooSlow: HTTPStatus.REQUEST_TIMEOUT,
}
_BUSY: Final = ("/generate", "/v1/chat/completions")
_ABOUT = (
    "Answers in character, with the facts that were used. Errors are `application/problem+json`; below `/v1` "
    "they have OpenAI's form."
)


class Api:
    """The application with what stands around it, to be served by any ASGI server; it has no lifespan."""

    def __init__(self, entrance: ASGIApp, routes: FastAPI) -> None:
        self._entrance = entrance
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._entrance(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        return self._routes.openapi()


def build_api(
    services: Services,
    telemetry: RequestTelemetry,
    door: Door,
    limits: Limits,
    *,
    page: bool = True,
    rates: Rates | None = None,
) -> Api:
    """Return the application. Its owner opens and closes what the services use."""
    app = FastAPI(
        title="Repartee",
        version=version("repartee"),
        description=_ABOUT,
        redirect_slashes=False,  # DELETE …/facts/ with a lost id would be sent on to DELETE …/facts
    )
    busy = generate_router(services.generate_reply, limits), openai_router(services, limits)
    for router in busy:
        app.include_router(router)
    app.include_router(facts_router(services, limits))
    app.include_router(memory_router(services, limits))
    app.include_router(users_router(services))
    app.include_router(fact_stats_router(services, limits))
    app.include_router(feedback_router(services.record_feedback, limits))
    app.include_router(characters_router(services.characters))
    app.include_router(health_router(services.check_health, services.running, telemetry))
    files = page_files() if page else {}
    if page:
        app.include_router(page_router(files))
    app.add_exception_handler(ReparteeError, _expected)
    app.add_exception_handler(ValidationError, _invalid)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _left_to_the_scope)
    describe(app, with_keys=door.has_keys)
    health = services.check_health
    scoped = RequestScope(
        BusyRoutes(app, routes_at(_BUSY, chain.from_iterable(router.routes for router in busy)), _failed),
        door,
        telemetry,
        page_paths(files) if page else frozenset(),
        limits.places,
        rates,
        lambda: health.draining,
    )
    return Api(allow_origins(scoped, door.origins), app)


async def _failed(request: Request, error: Exception) -> Response:
    """Answer what a route raised as the application's handlers do. Raises what has no handler."""
    if isinstance(error, ReparteeError):
        return await _expected(request, error)
    return await _invalid(request, error)


class _NoAnswer(Response):
    """Sends nothing."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Leave the connection as it is."""


async def _left_to_the_scope(_request: Request, _error: Exception) -> Response:
    """Starlette would answer a defect itself before it raises it; `RequestScope` answers and logs it."""
    return _NoAnswer()


async def _expected(request: Request, error: Exception) -> Response:
    if not isinstance(error, ReparteeError):
        raise error
    request_id: str = request.state.request_id
    response = problem_response(error, request_id)
    if status := _STATUS_OF_BODY.get(type(error)):
        response = plain_problem_response(status, error.code, error.message, request_id)
    return spoken_at(request.scope["path"], response)


async def _invalid(request: Request, error: Exception) -> Response:
    if isinstance(error, RequestValidationError):
        fields = [{"loc": field["loc"][1:], "msg": field["msg"]} for field in error.errors()]
    elif isinstance(error, ValidationError):
        fields = [
            dict(field)
            for field in error.errors(include_input=False, include_url=False, include_context=False)
        ]
    else:
        raise error
    return spoken_at(request.scope["path"], invalid_fields_response(fields, request.state.request_id))


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http")
    detail = "no such path: see /openapi.json" if status == HTTPStatus.NOT_FOUND else status.phrase
    response = plain_problem_response(status, code, detail, request.state.request_id, error.headers)
    return spoken_at(request.scope["path"], response)
