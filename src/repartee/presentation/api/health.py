"""`/healthz`, `/readyz`, `/metrics`: for probes and scrapers."""

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from repartee.application.check_health import CheckHealth, Health
from repartee.presentation.api.openapi import EXAMPLES, answer, json_answer
from repartee.presentation.api.requests import RequestTelemetry
from repartee.presentation.services import Running


class Alive(BaseModel):
    """The process answers. `model`, `embedder` and `store` are what it uses."""

    status: str = "ok"
    service: str = "repartee"
    model: str
    embedder: str
    store: str


def health_router(check_health: CheckHealth, running: Running, telemetry: RequestTelemetry) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["operations"])

    @router.get("/healthz", summary="Is the process alive", responses=answer(Alive, EXAMPLES["alive"]))
    async def healthz() -> Response:
        return json_answer(Alive(model=running.model, embedder=running.embedder, store=running.store))

    @router.get(
        "/readyz",
        summary="Can it do its job",
        description=CheckHealth.__doc__ or "",
        responses={
            **answer(Health, EXAMPLES["ready"]),
            503: {
                "model": Health,
                "description": "No replies can be given now: the model fails, or draining.",
            },
        },
    )
    async def readyz() -> Response:
        health = await check_health()
        return json_answer(health, 503 if health.status in {"unavailable", "draining"} else 200)

    @router.get(
        "/metrics",
        summary="Counters in Prometheus' text format",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"example": "repartee_requests_in_flight 1.0"}}}},
    )
    async def metrics() -> Response:
        return Response(telemetry.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router
