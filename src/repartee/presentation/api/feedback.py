"""`POST /feedback`: what people thought of a reply."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from repartee.application.record_feedback import FeedbackRecorded, FeedbackRequest, RecordFeedback
from repartee.presentation.api.body import read_body
from repartee.presentation.api.limits import Limits
from repartee.presentation.api.openapi import EXAMPLES, answer, body_of, json_answer, problems
from repartee.presentation.api.own_user import own_user


def feedback_router(record_feedback: RecordFeedback, limits: Limits) -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["feedback"])

    @router.post(
        "/feedback",
        summary="Like, dislike or flag a reply",
        description=RecordFeedback.__doc__ or "",
        responses={**answer(FeedbackRecorded, {"recorded": True}), **problems(403, 404, 413, 422)},
        openapi_extra=body_of(FeedbackRequest, EXAMPLES["feedback"]),
    )
    async def feedback(request: Request) -> Response:
        body = await read_body(request, FeedbackRequest, limits.max_body_bytes)
        user_id = own_user(request, body.user_id, "user_id")
        return json_answer(await record_feedback(body.model_copy(update={"user_id": user_id})))

    return router
