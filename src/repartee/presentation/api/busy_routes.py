"""The routes that almost every request is for, without a web framework in between.

FastAPI's layers around an endpoint (exit stacks, dependencies, exception middleware, telemetry, a router)
take longer than the endpoint's own work, and these endpoints read their bodies and write their answers
themselves. They stay routes of the application as well, which describes them.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

Failure = Callable[[Request, Exception], Awaitable[Response]]


class BusyRoutes:
    """ASGI application: `POST` to one of the routes goes to its endpoint, all else (WebSockets too) to `app`.

    An endpoint takes the request and returns a response. What it raises, `failure` answers or raises again.
    """

    def __init__(self, app: ASGIApp, routes: Mapping[str, APIRoute], failure: Failure) -> None:
        self._app = app
        self._routes = routes
        self._failure = failure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        route = self._routes.get(scope["path"]) if scope.get("method") == "POST" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = route
        request = Request(scope, receive)
        try:
            response = await route.endpoint(request)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001  # `failure` raises again what it does not know
            response = await self._failure(request, error)
        await response(scope, receive, send)


def routes_at(paths: Iterable[str], routes: Iterable[BaseRoute]) -> dict[str, APIRoute]:
    """Return those of the routes that have one of these paths."""
    wanted = frozenset(paths)
    return {route.path: route for route in routes if isinstance(route, APIRoute) and route.path in wanted}
